//! Kafka's messages as envelopes, and back.

use bytes::Bytes;
use m2m_engine::bus::headers::{self, Header};
use m2m_engine::bus::{Address, Envelope};
use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, Header as KafkaHeader, OwnedHeaders};

use super::NATIVE;
use crate::headers::all;
use crate::inbound::identity;

/// The envelope of a message with these headers.
pub(super) fn envelope(message: &impl Message, headers: Option<&BorrowedHeaders>) -> Envelope {
    let list = headers.map_or_else(Vec::new, |headers| {
        all(headers)
            .map(|header| Header {
                name: header.key.to_owned(),
                value: header.value.map(Bytes::copy_from_slice),
                amqp: None,
            })
            .collect()
    });
    let mut envelope = Envelope {
        address: Address { name: message.topic().to_owned(), ..Address::default() },
        key: message.key().map(Bytes::copy_from_slice),
        payload: message.payload().map(Bytes::copy_from_slice),
        headers: list,
        timestamp_ms: message.timestamp().to_millis(),
        identity: Some(identity(message.topic(), message.partition(), message.offset())),
        ..Envelope::default()
    };
    headers::restore(&mut envelope.headers);
    envelope.unfold(NATIVE);
    envelope
}

/// What an envelope occupies, roughly, while it is kept.
pub(super) fn size(envelope: &Envelope) -> usize {
    let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let headers = envelope.headers.iter();
    let headers: usize = headers.map(|h| h.name.len() + len(&h.value)).sum();
    len(&envelope.payload) + len(&envelope.key) + headers
}

/// Brings an envelope into the form that Kafka takes; its headers come back as Kafka's own.
pub(super) fn fold(envelope: &mut Envelope) -> Option<OwnedHeaders> {
    // What an earlier broker could not express stands in headers; Kafka may have a place for it.
    envelope.unfold(NATIVE);
    envelope.fold(NATIVE);
    // librdkafka takes 0 for "now", and brokers refuse what is before 1970.
    if let Some(ms) = envelope.timestamp_ms.take_if(|ms| *ms <= 0) {
        let header = Header::text(headers::TIMESTAMP, ms.to_string());
        envelope.headers.push(header);
    }
    let list = &envelope.headers;
    // AMQP's types are lost on Kafka, and readers in C and Rust cut a name at its first zero byte.
    let lossy = list.iter().any(|h| h.amqp.is_some() || h.name.contains('\0'));
    let packed = lossy.then(|| Header::text(headers::PACKED, headers::pack(list)));
    let native = list.iter().filter(|h| !h.name.contains('\0'));
    let mut all = native.chain(&packed).peekable();
    all.peek()?;
    Some(all.fold(OwnedHeaders::new(), |owned, header| {
        owned.insert(KafkaHeader { key: &header.name, value: header.value.as_deref() })
    }))
}

#[cfg(test)]
mod tests;
