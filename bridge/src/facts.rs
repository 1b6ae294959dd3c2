//! What conditions and templates see of a message: the facts of its header under the engine's names, and those of its transport.

use m2m_engine::bus::{Envelope, headers};
use m2m_engine::config::{Config, ConfigError};
use m2m_engine::facts::{Fact, FactReader, Facts};

/// Plain JSON over this many bytes is not read for the facts of its header.
pub(crate) const PLAIN_LIMIT: usize = 256 << 10;

/// The transport's facts. `topic` and `routing_key` are other words for `subject`: all three hold the source address's name.
const TRANSPORT: [&str; 6] = ["subject", "topic", "routing_key", "exchange", "key", "headers"];
/// The engine's facts that need no header.
const SHALLOW: [&str; 3] = ["framed", "form", "size"];

/// Every name that conditions and templates may use.
pub fn names() -> impl Iterator<Item = &'static str> {
    Facts::names().chain(TRANSPORT)
}

/// Whether the fact of that name stands in a frame's header, or has to be read from plain JSON.
pub(crate) fn needs_header(name: &str) -> bool {
    !TRANSPORT.contains(&name) && !SHALLOW.contains(&name)
}

/// Reads facts; shared by all routes.
#[derive(Debug)]
pub(crate) struct Reader(FactReader);

impl Reader {
    pub(crate) fn new() -> Result<Self, ConfigError> {
        FactReader::new(&Config::default(), PLAIN_LIMIT).map(Self)
    }

    /// Calls `with` with what is known of the message. Its header is read only when `deep`; the flag says that it is there and damaged,
    /// and its facts are absent then.
    pub(crate) fn read<T>(
        &self,
        envelope: &Envelope,
        deep: bool,
        with: impl Fn(&View<'_>, bool) -> T,
    ) -> T {
        let payload = envelope.payload.as_deref().unwrap_or_default();
        let call = |facts: &Facts<'_>, damaged| with(&View { envelope, facts }, damaged);
        if !deep {
            return call(&Facts::without_header(payload), false);
        }
        self.0
            .read(payload, |facts| call(facts, false))
            .unwrap_or_else(|_| call(&Facts::without_header(payload), true))
    }
}

/// The facts of one message.
#[derive(Debug)]
pub(crate) struct View<'a> {
    envelope: &'a Envelope,
    facts: &'a Facts<'a>,
}

/// One fact, or all headers.
#[derive(Debug)]
pub(crate) enum Known<'a> {
    Fact(Fact<'a>),
    Headers(Headers<'a>),
}

impl<'a> View<'a> {
    /// The fact of that name; `None` when no message has one of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Known<'_>> {
        let address = &self.envelope.address;
        Some(Known::Fact(match name {
            "subject" | "topic" | "routing_key" => Fact::Text(&address.name),
            "exchange" => Fact::Text(&address.exchange),
            "key" => Fact::Text(match &self.envelope.key {
                Some(key) => std::str::from_utf8(key).unwrap_or(""),
                // Where brokers without keys carry it.
                None => self.envelope.header(headers::KEY).unwrap_or(""),
            }),
            "headers" => return Some(Known::Headers(Headers(self.envelope))),
            _ => self.facts.get(name)?,
        }))
    }
}

/// The headers of a message: `headers['x']` is the first value of `x`, `''` where there is none. AMQP's properties answer to the names that
/// they travel under elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers<'a>(&'a Envelope);

impl<'a> Headers<'a> {
    pub(crate) fn get(self, name: &str) -> Option<&'a str> {
        let properties = &self.0.properties;
        let property = match name.to_ascii_lowercase().as_str() {
            headers::CONTENT_TYPE => &properties.content_type,
            headers::CONTENT_ENCODING => &properties.content_encoding,
            headers::CORRELATION_ID => &properties.correlation_id,
            headers::REPLY_TO => &properties.reply_to,
            headers::MESSAGE_ID => &properties.message_id,
            headers::KIND => &properties.kind,
            headers::APP_ID => &properties.app_id,
            _ => &None,
        };
        self.0.header(name).or(property.as_deref())
    }

    pub(crate) fn has(self, name: &str) -> bool {
        self.0.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
            || self.get(name).is_some()
    }

    /// Every header once, its first value as text.
    pub(crate) fn texts(self) -> Vec<(String, String)> {
        const PROPERTIES: [&str; 7] = [
            headers::CONTENT_TYPE,
            headers::CONTENT_ENCODING,
            headers::CORRELATION_ID,
            headers::REPLY_TO,
            headers::MESSAGE_ID,
            headers::KIND,
            headers::APP_ID,
        ];
        let names = self.0.headers.iter().map(|header| header.name.as_str()).chain(PROPERTIES);
        names.map(|name| (name.to_owned(), self.get(name).unwrap_or("").to_owned())).collect()
    }
}
