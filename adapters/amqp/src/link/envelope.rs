//! An AMQP message as an envelope, and back.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::protocol::basic::gen_properties;
use lapin::types::ShortString;
use m2m_engine::bus::headers::{self, Header, SOURCE_PREFIX};
use m2m_engine::bus::{Address, Envelope, Properties};

use super::error::SinkError;
use super::{NATIVE, table};
use crate::outbound::Message;

/// RabbitMQ routes a message to the queues that these headers name, besides.
fn steers(name: &str) -> bool {
    name.eq_ignore_ascii_case("CC") || name.eq_ignore_ascii_case("BCC")
}

pub(super) fn read(delivery: Delivery) -> Envelope {
    let native = &delivery.properties;
    let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string);

    let mut list = native.headers().as_ref().map(table::read).unwrap_or_default();
    let packed = list.iter().any(|header| header.name == headers::PACKED);
    headers::restore(&mut list);
    headers::disarm(&mut list, steers);
    for (name, value) in [("user-id", native.user_id()), ("cluster-id", native.cluster_id())] {
        let name = format!("{SOURCE_PREFIX}{name}");
        // Where there is one already, it is the first sender's.
        if let Some(value) = value
            && headers::first(&list, &name).is_none()
        {
            list.push(Header::text(name, value.as_str()));
        }
    }
    let timestamp_ms = native.timestamp().and_then(|seconds| {
        let ms = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000));
        if ms.is_none() {
            list.push(Header::text(format!("{SOURCE_PREFIX}timestamp"), seconds.to_string()));
        }
        ms
    });
    if !packed {
        // As the table is sorted, so that a list is the same whichever way its headers came.
        list.sort_by(|a, b| a.name.cmp(&b.name));
    }

    let properties = Properties {
        content_type: text(native.content_type()),
        content_encoding: text(native.content_encoding()),
        correlation_id: text(native.correlation_id()),
        reply_to: text(native.reply_to()),
        message_id: text(native.message_id()),
        kind: text(native.kind()),
        app_id: text(native.app_id()),
        expiration: text(native.expiration()),
        priority: *native.priority(),
        persistent: native.delivery_mode().map(|mode| mode == PERSISTENT),
    };
    let mut envelope = Envelope {
        address: Address { name: delivery.routing_key.into(), exchange: delivery.exchange.into() },
        payload: Some(Bytes::from(delivery.data)),
        headers: list,
        properties,
        timestamp_ms,
        ..Envelope::default()
    };
    envelope.unfold(NATIVE);
    envelope
}

const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

pub(super) fn write(mut envelope: Envelope, mandatory: bool) -> Result<Message, SinkError> {
    // What other brokers carry in headers of ours has a place here.
    envelope.unfold(NATIVE);
    envelope.fold(NATIVE);
    headers::disarm(&mut envelope.headers, steers);

    let Envelope { address, payload, headers: mut list, properties, timestamp_ms, .. } = envelope;
    let mut native = BasicProperties::default();
    if let Some(ms) = timestamp_ms {
        let (seconds, rest) = (ms.div_euclid(1_000), ms.rem_euclid(1_000));
        if let Ok(seconds) = u64::try_from(seconds) {
            native = native.with_timestamp(seconds);
        }
        if rest != 0 || seconds < 0 {
            list.push(Header::text(headers::TIMESTAMP, ms.to_string()));
        }
    }
    let delivery_mode = if properties.persistent == Some(false) { TRANSIENT } else { PERSISTENT };
    native = native.with_delivery_mode(delivery_mode);
    if let Some(priority) = properties.priority {
        native = native.with_priority(priority);
    }
    let expiration = properties.expiration;
    type With = fn(BasicProperties, ShortString) -> BasicProperties;
    let texts: [(&str, Option<String>, With); 8] = [
        (headers::CONTENT_TYPE, properties.content_type, BasicProperties::with_content_type),
        (
            headers::CONTENT_ENCODING,
            properties.content_encoding,
            BasicProperties::with_content_encoding,
        ),
        (headers::CORRELATION_ID, properties.correlation_id, BasicProperties::with_correlation_id),
        (headers::REPLY_TO, properties.reply_to, BasicProperties::with_reply_to),
        (headers::MESSAGE_ID, properties.message_id, BasicProperties::with_message_id),
        (headers::KIND, properties.kind, BasicProperties::with_type),
        (headers::APP_ID, properties.app_id, BasicProperties::with_app_id),
        (headers::EXPIRATION, expiration, BasicProperties::with_expiration),
    ];
    for (name, text, with) in texts {
        let Some(text) = text else { continue };
        let accepted = name != headers::EXPIRATION || expires(&text);
        match ShortString::try_new(text.as_str()) {
            Ok(short) if accepted => native = with(native, short),
            _ => list.push(Header::text(name, text)),
        }
    }
    if !list.is_empty() {
        native = native.with_headers(table::write(&list));
    }
    Ok(Message {
        exchange: short("exchange", address.exchange)?,
        routing_key: short("routing key", address.name)?,
        options: BasicPublishOptions { mandatory, immediate: false },
        payload: payload.unwrap_or_default(),
        properties: native,
    })
}

/// Whether RabbitMQ takes this time to live, in milliseconds; it closes the channel otherwise.
fn expires(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok()
}

fn short(what: &'static str, text: String) -> Result<ShortString, SinkError> {
    let len = text.len();
    ShortString::try_new(text).map_err(|_| SinkError::Address { what, len })
}

/// The length of the frame that properties and headers go out in, in bytes.
pub(super) fn header_frame_len(properties: &BasicProperties) -> usize {
    // Frame header 7 (type, channel, size), class, weight and body size 12, end 1.
    const AROUND: usize = 20;
    let written = gen_properties(properties)(Vec::new().into());
    // Writing to a vector cannot fail.
    AROUND + written.map(|written| written.into_inner().0.len()).unwrap_or(usize::MAX - AROUND)
}

#[cfg(test)]
mod tests;
