//! What can be known of a message without opening it, under the names that route conditions and `m2m inspect` use.

use crate::config::{Config, ConfigError};
use crate::frame::{self, Body, Flags, Form, FrameError, Header};
use crate::json;

/// Reads [`Facts`]; holds what reading plain JSON needs.
#[derive(Debug)]
pub struct FactReader {
    json: json::Facts,
    /// Plain payloads over this many bytes are not read.
    plain_limit: usize,
}

impl FactReader {
    /// Reads plain JSON of up to `plain_limit` bytes, frames of any length.
    ///
    /// # Errors
    /// When the configured prices cannot be read.
    pub fn new(config: &Config, plain_limit: usize) -> Result<Self, ConfigError> {
        Ok(Self { json: json::Facts::new(config)?, plain_limit })
    }

    /// Calls `with` with what is known of `message`. A frame's header is borrowed from it, so nothing is copied but in the text form.
    ///
    /// # Errors
    /// When the message begins as a frame does, and its header cannot be read.
    pub fn read<T>(
        &self,
        message: &[u8],
        with: impl FnOnce(&Facts<'_>) -> T,
    ) -> Result<T, FrameError> {
        let form = Form::of(message);
        let decoded;
        let header = match form {
            Form::M2m => Some(frame::peek(message)?),
            Form::M2mText => {
                decoded = frame::decode_text(message)?;
                Some(frame::peek_decoded(&decoded)?)
            }
            Form::Plain if message.len() <= self.plain_limit => self.json.read(message),
            // Neither text form has a header.
            Form::Plain | Form::TokenNative | Form::Brotli => None,
        };
        Ok(with(&Facts { form, header, size: message.len() }))
    }
}

/// What is known of a message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Facts<'a> {
    /// How it is put.
    pub form: Form,
    /// Its header: a frame's own, or what a plain JSON payload's frame would carry.
    pub header: Option<Header<'a>>,
    /// Bytes on the wire.
    pub size: usize,
}

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact<'a> {
    /// A text, `""` where it is absent.
    Text(&'a str),
    /// A whole number, 0 where it is absent.
    Int(i64),
    /// US dollars, 0 where it is absent.
    Float(f64),
    /// A yes or no, `false` where it is absent.
    Bool(bool),
    /// Texts, none where they are absent.
    Texts(Vec<&'static str>),
}

impl<'a> Facts<'a> {
    const TEXTS: [&'static str; 7] =
        ["provider", "model", "schema", "security", "form", "id", "finish_reason"];
    const NUMBERS: [&'static str; 8] = [
        "msg_count",
        "max_tokens",
        "content_hint",
        "prompt_tokens",
        "completion_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "size",
    ];

    /// What can be told without its header: its form and its size.
    #[must_use]
    pub fn without_header(message: &[u8]) -> Facts<'static> {
        Facts { form: Form::of(message), header: None, size: message.len() }
    }

    /// All names, each once.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let flags = Flags::OF_REQUESTS.into_iter().chain(Flags::OF_RESPONSES);
        Self::TEXTS
            .into_iter()
            .chain(Self::NUMBERS)
            .chain(["est_cost_usd", "roles", "framed", "compressed"])
            .chain(flags.map(|(name, _)| name))
    }

    /// The fact of that name; `None` when there is no such name. What a message does not have is empty, 0 or false.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Fact<'_>> {
        let header = self.header.as_ref();
        let request = match header.map(|header| &header.body) {
            Some(Body::Request(request)) => Some(request),
            _ => None,
        };
        let response = match header.map(|header| &header.body) {
            Some(Body::Response(response)) => Some(response),
            _ => None,
        };
        let of_response = |get: fn(&frame::Response<'_>) -> u32| {
            Fact::Int(response.map_or(0, |response| i64::from(get(response))))
        };
        Some(match name {
            "provider" => Fact::Text(header.map_or("", Header::provider)),
            "model" => Fact::Text(header.map_or("", Header::model)),
            "schema" => Fact::Text(header.map_or("", |header| header.schema.name())),
            "security" => Fact::Text(header.map_or("none", |header| header.security.name())),
            "form" => Fact::Text(self.form.name()),
            "id" => Fact::Text(response.map_or("", |response| &response.id)),
            "finish_reason" => {
                Fact::Text(response.map_or("", |response| response.finish_reason.name()))
            }
            "msg_count" => int(request.map(|request| request.roles.len())),
            "max_tokens" => Fact::Int(request.and_then(|r| r.max_tokens).map_or(0, i64::from)),
            "content_hint" => Fact::Int(request.map_or(0, |r| i64::from(r.content_hint))),
            "prompt_tokens" => of_response(|response| response.prompt_tokens),
            "completion_tokens" => of_response(|response| response.completion_tokens),
            "cached_tokens" => of_response(|response| response.cached_tokens.unwrap_or(0)),
            "reasoning_tokens" => of_response(|response| response.reasoning_tokens.unwrap_or(0)),
            "size" => int(Some(self.size)),
            "est_cost_usd" => {
                Fact::Float(header.and_then(Header::est_cost_usd).map_or(0.0, f64::from))
            }
            "roles" => Fact::Texts(request.map_or_else(Vec::new, |request| {
                request.roles.iter().map(frame::Role::name).collect()
            })),
            "framed" => Fact::Bool(self.form != Form::Plain),
            "compressed" => Fact::Bool(self.has(Flags::COMPRESSED)),
            flag => {
                let find = |flags: &[(&str, Flags)]| {
                    flags.iter().find(|(name, _)| *name == flag).map(|(_, flag)| *flag)
                };
                match (find(&Flags::OF_REQUESTS), find(&Flags::OF_RESPONSES)) {
                    (Some(flag), _) => Fact::Bool(request.is_some() && self.has(flag)),
                    (_, Some(flag)) => Fact::Bool(response.is_some() && self.has(flag)),
                    (None, None) => return None,
                }
            }
        })
    }

    fn has(&self, flag: Flags) -> bool {
        self.header.as_ref().is_some_and(|header| header.flags.contains(flag))
    }
}

fn int(value: Option<usize>) -> Fact<'static> {
    Fact::Int(value.map_or(0, |value| i64::try_from(value).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::config::Framing;
    use crate::flow::{Engine, Outbound};

    const REQUEST: &str = r#"{"model":"claude-3-opus","messages":[{"role":"user","content":"hello"}],"tools":[],"max_tokens":9}"#;

    fn get(message: &[u8], name: &str) -> String {
        let reader = FactReader::new(&Config::default(), 1000).unwrap();
        reader.read(message, |facts| format!("{:?}", facts.get(name).unwrap())).unwrap()
    }

    #[test]
    fn a_plain_message_and_its_frames_tell_the_same() {
        let engine = Engine::new(Config { framing: Framing::Always, ..Config::default() }).unwrap();
        let frame = engine.wrap(REQUEST.as_bytes(), &Outbound::default()).unwrap().bytes;
        let text = frame::to_text(&frame);
        for name in Facts::names() {
            if !["form", "framed", "size", "compressed"].contains(&name) {
                let plain = get(REQUEST.as_bytes(), name);
                assert_eq!(get(&frame, name), plain, "{name}");
                assert_eq!(get(&text, name), plain, "{name}");
            }
        }
        assert_eq!(get(&frame, "provider"), r#"Text("anthropic")"#);
        assert_eq!(get(&frame, "roles"), r#"Texts(["user"])"#);
        assert_eq!(get(&frame, "has_tools"), "Bool(true)");
        assert_eq!(get(&frame, "max_tokens"), "Int(9)");
        assert_eq!(get(&frame, "framed"), "Bool(true)");
        assert_eq!(get(&text, "form"), r#"Text("m2m-text")"#);
    }

    #[test]
    fn what_is_not_there_is_empty_zero_or_false() {
        let long = format!("[{}1]", "1,".repeat(1000));
        for message in ["", "no JSON", "#TK|C|AAAA", &long] {
            for name in Facts::names() {
                let fact = get(message.as_bytes(), name);
                let empty = ["Text(\"\")", "Int(0)", "Float(0.0)", "Bool(false)", "Texts([])"];
                let told = ["form", "framed", "size", "security"].contains(&name);
                assert!(told || empty.contains(&&*fact), "{name} of {message:?} is {fact}");
            }
        }
    }

    #[test]
    fn a_name_that_is_no_fact_is_told_from_an_absent_one() {
        let reader = FactReader::new(&Config::default(), 1000).unwrap();
        assert_eq!(reader.read(b"", |facts| facts.get("modle").is_none()), Ok(true));
        let mut names: Vec<_> = Facts::names().collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Facts::names().count());
    }

    #[test]
    fn a_damaged_header_is_an_error() {
        let reader = FactReader::new(&Config::default(), 1000).unwrap();
        assert!(reader.read(b"#M2M|1|", |_| ()).is_err());
    }
}
