//! One message between two buses, in words that all of them share.

use std::borrow::Cow;

use bytes::Bytes;

use super::headers::{self, Header};

/// Where a message was found, or is to go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// NATS subject, Kafka topic or AMQP routing key.
    pub name: String,
    /// AMQP exchange (`""` is the default exchange); empty elsewhere.
    pub exchange: String,
}

/// The properties that AMQP 0-9-1 gives a message (its specification, section 4.2.6.1), which the other brokers carry as
/// headers. `user_id` is absent on purpose: it steers the broker, and travels as `m2m-src-user-id`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// MIME type.
    pub content_type: Option<String>,
    /// Codings in the order in which they were applied, comma-separated.
    pub content_encoding: Option<String>,
    /// Ties a reply to its request.
    pub correlation_id: Option<String>,
    /// Where a reply is awaited: a queue (AMQP) or a subject (core NATS).
    pub reply_to: Option<String>,
    /// The application's own id of the message.
    pub message_id: Option<String>,
    /// The application's own name for the kind of message.
    pub kind: Option<String>,
    /// The application that published it.
    pub app_id: Option<String>,
    /// Time to live in milliseconds, as AMQP writes it: a decimal string.
    pub expiration: Option<String>,
    /// 0 to 255; brokers use 0 to 9.
    pub priority: Option<u8>,
    /// Whether the broker is to keep the message on disk; `None` lets the sink's default stand, which is yes.
    pub persistent: Option<bool>,
}

/// A message between two buses: the raw payload, framed or not, and all that travels with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Where it was found; for a sink, where it goes.
    pub address: Address,
    /// The Kafka message key; other brokers carry it as a header.
    pub key: Option<Bytes>,
    /// The payload, byte for byte; `None` is Kafka's null payload, a tombstone, which differs from an empty one.
    pub payload: Option<Bytes>,
    /// Headers in the source's order; names may repeat.
    pub headers: Vec<Header>,
    /// Properties that the source gave natively.
    pub properties: Properties,
    /// Milliseconds since the Unix epoch, as the producer or the source's broker stamped it.
    pub timestamp_ms: Option<i64>,
    /// The source broker's own identity of the message, unchanged when it is delivered again: stream and sequence, or topic,
    /// partition and offset. `None` where the broker has none (AMQP, core NATS).
    pub identity: Option<String>,
    /// For sinks that can drop duplicates (JetStream's `Nats-Msg-Id`): equal for equal messages of one route.
    pub dedup_id: Option<String>,
}

/// What a broker can express itself; the rest of an envelope travels in headers of ours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native {
    /// It has message keys.
    pub key: bool,
    /// It tells a null payload from an empty one.
    pub tombstone: bool,
    /// It has the AMQP properties.
    pub properties: bool,
    /// It has a reply address, beside or without the other properties.
    pub reply_to: bool,
    /// It takes a time stamp from the producer.
    pub timestamp: bool,
}

impl Envelope {
    /// What messages must share to be kept in order: the Kafka key, which brokers without keys carry as a header, else the subject, topic
    /// or routing key.
    #[must_use]
    pub fn order_key(&self) -> &[u8] {
        let carried = || self.headers.iter().find(|header| header.name == headers::KEY);
        match &self.key {
            Some(key) => key,
            None => carried()
                .and_then(|header| header.value.as_deref())
                .unwrap_or(self.address.name.as_bytes()),
        }
    }

    /// The first value of the header `name` as text, `None` when absent, null or not UTF-8. Names are compared without regard to
    /// ASCII case, as brokers differ in it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::first(&self.headers, name)
    }

    /// Moves what a broker with the abilities `native` cannot express into headers (`m2m-key`, `m2m-tombstone`, `content-type`,
    /// `m2m-correlation-id` and so on). The reverse of [`Envelope::unfold`].
    pub fn fold(&mut self, native: Native) {
        if !native.key
            && let Some(key) = self.key.take()
        {
            self.headers.push(Header::bytes(headers::KEY, key));
        }
        if !native.tombstone && self.payload.is_none() {
            self.headers.push(Header::text(headers::TOMBSTONE, "1"));
            self.payload = Some(Bytes::new());
        }
        if !native.timestamp
            && let Some(ms) = self.timestamp_ms.take()
        {
            self.headers.push(Header::text(headers::TIMESTAMP, ms.to_string()));
        }
        let reply_to = self.properties.reply_to.take();
        if native.reply_to {
            self.properties.reply_to = reply_to;
        } else if let Some(reply_to) = reply_to {
            self.headers.push(Header::text(headers::REPLY_TO, reply_to));
        }
        if !native.properties {
            self.fold_properties();
        }
    }

    fn fold_properties(&mut self) {
        let properties = std::mem::take(&mut self.properties);
        self.properties.reply_to = properties.reply_to;
        let texts = [
            (headers::CONTENT_TYPE, properties.content_type),
            (headers::CONTENT_ENCODING, properties.content_encoding),
            (headers::CORRELATION_ID, properties.correlation_id),
            (headers::MESSAGE_ID, properties.message_id),
            (headers::KIND, properties.kind),
            (headers::APP_ID, properties.app_id),
            (headers::EXPIRATION, properties.expiration),
            (headers::PRIORITY, properties.priority.map(|p| p.to_string())),
            (
                headers::DELIVERY_MODE,
                properties.persistent.map(|p| if p { "2" } else { "1" }.to_owned()),
            ),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                self.headers.push(Header::text(name, value));
            }
        }
    }

    /// Moves headers that [`Envelope::fold`] wrote back to where a broker with the abilities `native` has a place for them; what it
    /// has no place for, and what cannot be read, stays a header. A field that is already set wins over a header.
    pub fn unfold(&mut self, native: Native) {
        if native.key
            && self.key.is_none()
            && let Some(key) = headers::take(&mut self.headers, headers::KEY)
        {
            self.key = key.value;
        }
        if native.tombstone
            && self.payload.as_ref().is_some_and(Bytes::is_empty)
            && headers::take(&mut self.headers, headers::TOMBSTONE).is_some()
        {
            self.payload = None;
        }
        if native.timestamp
            && self.header(headers::TIMESTAMP).is_some_and(|t| t.parse::<i64>().is_ok())
        {
            // The producer's own time outranks the one that a broker on the way stamped.
            self.timestamp_ms = headers::take_parsed(&mut self.headers, headers::TIMESTAMP);
        }
        let properties = &mut self.properties;
        if native.reply_to {
            fill(&mut properties.reply_to, &mut self.headers, headers::REPLY_TO);
        }
        if native.properties {
            let list = &mut self.headers;
            fill(&mut properties.content_type, list, headers::CONTENT_TYPE);
            fill(&mut properties.content_encoding, list, headers::CONTENT_ENCODING);
            fill(&mut properties.correlation_id, list, headers::CORRELATION_ID);
            fill(&mut properties.message_id, list, headers::MESSAGE_ID);
            fill(&mut properties.kind, list, headers::KIND);
            fill(&mut properties.app_id, list, headers::APP_ID);
            fill(&mut properties.expiration, list, headers::EXPIRATION);
            fill(&mut properties.priority, list, headers::PRIORITY);
            let mut mode: Option<u8> = None;
            fill(&mut mode, list, headers::DELIVERY_MODE);
            if properties.persistent.is_none() {
                properties.persistent = mode.map(|mode| mode == 2);
            }
        }
    }

    /// The content encoding, wherever the source's broker keeps it.
    #[must_use]
    pub fn content_encoding(&self) -> Option<Cow<'_, str>> {
        match &self.properties.content_encoding {
            Some(encoding) => Some(Cow::Borrowed(encoding)),
            None => self.header(headers::CONTENT_ENCODING).map(Cow::Borrowed),
        }
    }
}

/// Sets an empty field from the header `name`, which is then removed; leaves the header where it does not parse.
fn fill<T: std::str::FromStr>(field: &mut Option<T>, list: &mut Vec<Header>, name: &str) {
    if field.is_none() {
        *field = headers::take_parsed(list, name);
    }
}
