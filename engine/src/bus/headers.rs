//! Transport headers: the names of ours, and the packed form for brokers that cannot express a list as it is.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Kafka message key, on brokers that have none.
pub const KEY: &str = "m2m-key";
/// `1` marks a null payload on brokers that have none.
pub const TOMBSTONE: &str = "m2m-tombstone";
/// Milliseconds since the Unix epoch, on brokers that take no time stamp from producers.
pub const TIMESTAMP: &str = "m2m-timestamp";
/// MIME type.
pub const CONTENT_TYPE: &str = "content-type";
/// Codings; a framed payload's last one is [`ENCODING_TOKEN`].
pub const CONTENT_ENCODING: &str = "content-encoding";
/// AMQP `correlation_id` elsewhere.
pub const CORRELATION_ID: &str = "m2m-correlation-id";
/// AMQP `reply_to`, or a core NATS reply subject, elsewhere.
pub const REPLY_TO: &str = "m2m-reply-to";
/// AMQP `message_id` elsewhere.
pub const MESSAGE_ID: &str = "m2m-message-id";
/// AMQP `type` elsewhere.
pub const KIND: &str = "m2m-type";
/// AMQP `app_id` elsewhere.
pub const APP_ID: &str = "m2m-app-id";
/// AMQP `expiration` elsewhere.
pub const EXPIRATION: &str = "m2m-expiration";
/// AMQP `priority` elsewhere.
pub const PRIORITY: &str = "m2m-priority";
/// AMQP `delivery_mode` elsewhere: `1` transient, `2` persistent.
pub const DELIVERY_MODE: &str = "m2m-delivery-mode";
/// A whole header list, packed (see [`pack`]).
pub const PACKED: &str = "m2m-headers";
/// Prefix of headers that would steer a broker if they were republished as they are.
pub const SOURCE_PREFIX: &str = "m2m-src-";
/// `1` on a request: a framed reply can be read.
pub const ACCEPT: &str = "m2m-accept";
/// The scanner's verdict on a flagged message: category, score, rule.
pub const THREAT: &str = "m2m-threat";
/// Which key a frame is signed or encrypted with.
pub const KEY_ID: &str = "m2m-key-id";
/// What is signed beside the frame: a time, a random id, a destination.
pub const STAMP: &str = "m2m-stamp";
/// The token that marks a framed payload in a content encoding.
pub const ENCODING_TOKEN: &str = "m2m";

/// Whether the engine writes this header on wrapping and reads it on opening: adapters hand those that they find to
/// [`crate::Inbound::headers`], and replace what an application sends along under these names.
#[must_use]
pub fn is_engines(name: &str) -> bool {
    [THREAT, KEY_ID, STAMP].iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

/// One transport header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, as the source wrote it.
    pub name: String,
    /// Its value as the other brokers are to see it (a number in decimal, say); `None` is Kafka's null.
    pub value: Option<Bytes>,
    /// The value as an AMQP field (a type tag, then the value: its specification, section 4.2.5.5), where it came from an AMQP
    /// table and is not plain text: restored when it enters AMQP again.
    pub amqp: Option<Bytes>,
}

impl Header {
    /// A header with a text value.
    #[must_use]
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::bytes(name, value.into())
    }

    /// A header with any bytes as value.
    #[must_use]
    pub fn bytes(name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self { name: name.into(), value: Some(value.into()), amqp: None }
    }

    /// The value as text; `None` when null or not UTF-8.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(self.value.as_deref()?).ok()
    }
}

/// The first value of `name`, as [`super::Envelope::header`] says.
#[must_use]
pub fn first<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?.as_text()
}

/// Removes and returns the first header of that name (without regard to ASCII case).
pub fn take(headers: &mut Vec<Header>, name: &str) -> Option<Header> {
    let at = headers.iter().position(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(headers.remove(at))
}

pub(super) fn take_parsed<T: std::str::FromStr>(
    headers: &mut Vec<Header>,
    name: &str,
) -> Option<T> {
    let parsed = first(headers, name)?.parse().ok()?;
    take(headers, name);
    Some(parsed)
}

/// Renames every header that `steers` the broker to `m2m-src-NAME`, so that it is carried and does nothing.
pub fn disarm(headers: &mut [Header], steers: impl Fn(&str) -> bool) {
    for header in headers {
        if steers(&header.name) {
            header.name.insert_str(0, SOURCE_PREFIX);
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Packed(
    String,
    Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")] Option<String>,
);

/// The list as one line of ASCII: base64 of a JSON array of `[name, base64 value or null]`, with the AMQP field in base64 as a third
/// element where there is one.
#[must_use]
pub fn pack(headers: &[Header]) -> String {
    let base64 = |bytes: &Bytes| STANDARD.encode(bytes);
    let list: Vec<Packed> = headers
        .iter()
        .map(|h| Packed(h.name.clone(), h.value.as_ref().map(base64), h.amqp.as_ref().map(base64)))
        .collect();
    // Strings and options of strings always serialise.
    STANDARD.encode(serde_json::to_vec(&list).unwrap_or_default())
}

/// Reads what [`pack`] wrote; `None` for anything else.
#[must_use]
pub fn unpack(packed: &str) -> Option<Vec<Header>> {
    let list: Vec<Packed> = serde_json::from_slice(&STANDARD.decode(packed).ok()?).ok()?;
    let bytes = |text: Option<String>| match text {
        None => Some(None),
        Some(text) => STANDARD.decode(text).ok().map(|bytes| Some(Bytes::from(bytes))),
    };
    list.into_iter()
        .map(|Packed(name, value, amqp)| {
            Some(Header { name, value: bytes(value)?, amqp: bytes(amqp)? })
        })
        .collect()
}

/// Replaces the list by the one packed inside it, where there is one: first what was packed, then what was added on the way
/// under names that the packed list does not have.
pub fn restore(headers: &mut Vec<Header>) {
    let Some(packed) = first(headers, PACKED).and_then(unpack) else {
        return;
    };
    let added: Vec<Header> = std::mem::replace(headers, packed)
        .into_iter()
        .filter(|header| !header.name.eq_ignore_ascii_case(PACKED))
        .collect();
    let known: std::collections::HashSet<String> =
        headers.iter().map(|header| header.name.to_ascii_lowercase()).collect();
    headers.extend(added.into_iter().filter(|h| !known.contains(&h.name.to_ascii_lowercase())));
}

/// Marks a framed payload: the content encoding with `m2m` appended last.
#[must_use]
pub fn encoding_marked(encoding: Option<&str>) -> String {
    match encoding.map(str::trim) {
        None | Some("") => ENCODING_TOKEN.to_owned(),
        Some(encoding) => format!("{encoding}, {ENCODING_TOKEN}"),
    }
}

/// Removes the mark after opening: the content encoding without a last `m2m`; `None` when nothing is left.
#[must_use]
pub fn encoding_unmarked(encoding: &str) -> Option<String> {
    let rest = match encoding.trim_end().strip_suffix(ENCODING_TOKEN) {
        Some("") => return None,
        // Only a token of its own: `xm2m` is somebody else's.
        Some(rest) => match rest.trim_end().strip_suffix(',') {
            Some(rest) => rest.trim_end(),
            None => return Some(encoding.to_owned()),
        },
        None => return Some(encoding.to_owned()),
    };
    (!rest.is_empty()).then(|| rest.to_owned())
}
