//! Envelopes from NATS messages, and the other way.

use std::str::FromStr;

use async_nats::{HeaderMap, HeaderName, HeaderValue, Message, Subject};
use bytes::Bytes;
use m2m_engine::bus::headers::{self, Header};
use m2m_engine::bus::{Address, Envelope, Native};

use crate::error::SinkError;
use crate::headers::{CONTENT_ENCODING, text, wire_len};

/// The longest line of the protocol that servers take unless told otherwise (`max_control_line`); a longer one ends the connection.
const CONTROL_LINE: usize = 4096;
/// What stands in a line beside subject and reply.
const OVERHEAD: usize = 64;

const ORIGINAL_ID: &str = "m2m-src-Nats-Msg-Id";
const ID: &str = "Nats-Msg-Id";

/// What core NATS has a place for.
pub(super) const CORE: Native =
    Native { reply_to: true, key: false, tombstone: false, properties: false, timestamp: false };
/// What JetStream has a place for: a delivery's reply subject is the address of its acknowledgement.
pub(super) const STREAM: Native = Native { reply_to: false, ..CORE };

/// An envelope with what every NATS message has.
pub(super) fn envelope(message: Message) -> Envelope {
    Envelope {
        address: Address { name: message.subject.into_string(), ..Address::default() },
        payload: Some(message.payload),
        headers: message.headers.as_ref().map(read).unwrap_or_default(),
        ..Envelope::default()
    }
}

/// Moves headers that stand for something native to its place.
pub(super) fn unfold(mut envelope: Envelope, native: Native) -> Envelope {
    // The producer's own time, where a relay has put it into a header, outranks the one that JetStream stamped.
    envelope.unfold(Native { timestamp: true, ..native });
    envelope
}

/// A list of headers from NATS, which has no order across names: by name, then by value as they stood.
fn read(map: &HeaderMap) -> Vec<Header> {
    let mut names: Vec<(&str, &str, &Vec<HeaderValue>)> =
        map.iter().map(|(name, values)| (shared_name(text(name)), text(name), values)).collect();
    names.sort_unstable_by_key(|(shared, own, _)| (*shared, *own));
    let mut list: Vec<Header> = names
        .into_iter()
        .flat_map(|(name, _, values)| values.iter().map(move |v| Header::text(name, v.as_str())))
        .collect();
    headers::restore(&mut list);
    if list.iter().any(|header| header.name.eq_ignore_ascii_case(ORIGINAL_ID)) {
        // A relay's own id, beside the one that the message had at first.
        list.retain(|header| !header.name.eq_ignore_ascii_case(ID));
    }
    headers::disarm(&mut list, steers);
    list
}

/// The name of a header as all brokers share it.
fn shared_name(name: &str) -> &str {
    if name == CONTENT_ENCODING { headers::CONTENT_ENCODING } else { name }
}

/// The name of a header as it is written on NATS.
fn native_name(name: &str) -> &str {
    if name == headers::CONTENT_ENCODING { CONTENT_ENCODING } else { name }
}

/// Whether a header would make the server do something.
fn steers(name: &str) -> bool {
    name.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("nats-"))
}

/// A message as it goes to NATS.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) subject: Subject,
    pub(super) reply: Option<Subject>,
    pub(super) headers: HeaderMap,
    pub(super) payload: Bytes,
}

impl Outgoing {
    /// # Errors
    /// When the subject is none that can be published to.
    pub(super) fn new(envelope: Envelope, native: Native) -> Result<Self, SinkError> {
        let mut envelope = unfold(envelope, native);
        let own = std::mem::take(&mut envelope.headers);
        // What is no subject cannot be a native reply address, and travels as a header.
        let reply_to = envelope.properties.reply_to.as_deref();
        let reply_to = native.reply_to && reply_to.is_some_and(is_subject);
        envelope.fold(Native { reply_to, ..native });
        let folded = std::mem::take(&mut envelope.headers);
        let reply = envelope.properties.reply_to.map(Subject::from);

        let name = envelope.address.name;
        let line = name.len() + reply.as_deref().map_or(0, str::len) + OVERHEAD;
        if !is_subject(&name) || line > CONTROL_LINE {
            return Err(SinkError::Subject { subject: name });
        }
        let headers = write(own, folded);
        let payload = envelope.payload.unwrap_or_default();
        Ok(Self { subject: name.into(), reply, headers, payload })
    }

    /// # Errors
    /// When it is longer than the server takes.
    pub(super) fn fits(self, limit: usize) -> Result<Self, SinkError> {
        let len = self.payload.len() + wire_len(&self.headers);
        if len > limit { Err(SinkError::MaxPayload { len, limit }) } else { Ok(self) }
    }
}

/// Native headers, and the packed one where they lose something.
fn write(own: Vec<Header>, folded: Vec<Header>) -> HeaderMap {
    let mut list = own;
    headers::disarm(&mut list, steers);
    let mut exact = list.is_sorted_by(|a, b| a.name <= b.name);
    list.extend(folded);
    let mut map = HeaderMap::new();
    for header in &list {
        match native(header) {
            Some((name, value)) => map.append(name, value),
            None => exact = false,
        }
        exact &= header.amqp.is_none() && header.name != CONTENT_ENCODING;
    }
    if !exact && let Ok(packed) = HeaderValue::from_str(&headers::pack(&list)) {
        map.append(HeaderName::from_static(headers::PACKED), packed);
    }
    map
}

/// The header as NATS writes it; `None` when it would not be read back as it is.
fn native(header: &Header) -> Option<(HeaderName, HeaderValue)> {
    let name = native_name(&header.name);
    let value = header.as_text().filter(|value| value.trim() == *value)?;
    if name.is_empty() || name.eq_ignore_ascii_case(headers::PACKED) {
        return None;
    }
    Some((HeaderName::from_str(name).ok()?, HeaderValue::from_str(value).ok()?))
}

/// Whether a name can be published to: tokens that are neither empty nor wildcards, no white space.
fn is_subject(name: &str) -> bool {
    !name.contains(|c: char| c.is_ascii_whitespace() || c == '\0')
        && name.split('.').all(|token| !matches!(token, "" | "*" | ">"))
}

#[cfg(test)]
mod tests;
