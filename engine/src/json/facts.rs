//! The facts of a header, collected in one pass over a payload.
//!
//! Where a name stands twice in an object the last one counts, as it does for the reference implementation's parser.

mod request;
mod response;
mod walk;

use std::borrow::Cow;

pub(crate) use request::MessageFacts;
use request::Messages;
use response::{Choice, Usage};
use walk::{members, number, string};

use super::{Event, JsonError, Reader, Text, Watch, Watched};
use crate::config::{Config, ConfigError};
use crate::frame::cost::Prices;
use crate::frame::{Body, FinishReason, Flags, Header, Request, Response};

/// Reads the header that a JSON payload's frame carries.
#[derive(Debug)]
pub struct Facts {
    max_depth: usize,
    prices: Prices,
}

impl Facts {
    /// # Errors
    /// When the configured prices cannot be read.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            max_depth: config.limits.json_depth,
            prices: Prices::new(config.prices.as_deref()).map_err(ConfigError::Prices)?,
        })
    }

    /// The header for `payload`, without the flags that say how the payload is stored. `None` when it is not JSON that can be read within
    /// the limits, and when its header would be too long for a frame (65,535 bytes).
    #[must_use]
    pub fn read<'a>(&self, payload: &'a [u8]) -> Option<Header<'a>> {
        self.read_watched(payload, &mut ()).ok().flatten()
    }

    /// As [`Facts::read`], with `watch` seeing every event of the pass.
    ///
    /// # Errors
    /// When it is not JSON that can be read within the limits.
    pub(crate) fn read_watched<'a>(
        &self,
        payload: &'a [u8],
        watch: &mut impl Watch<'a>,
    ) -> Result<Option<Header<'a>>, JsonError> {
        let mut reader = Watched::new(Reader::new(payload, self.max_depth)?, watch);
        let mut top = Top::default();
        let first = reader.next_event()?;
        if first == Event::ObjectStart {
            top.read(&mut reader)?;
        } else {
            reader.skip(&first)?;
        }
        // Only the end can follow; anything else is an error.
        reader.next_event()?;
        let header = top.into_header(&self.prices);
        Ok(header.fits().then_some(header))
    }
}

/// Bytes of the longest name that matters, `max_completion_tokens`, with each character escaped (`\u006d`).
const LONGEST_NAME: usize = 6 * "max_completion_tokens".len();

/// The members of the outermost object.
#[derive(Default)]
struct Top<'a> {
    model: Option<Option<Text<'a>>>,
    id: Option<Text<'a>>,
    messages: Option<Messages>,
    choices: Option<Choice>,
    usage: Option<Usage>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    stream: bool,
    present: Flags,
}

impl<'a> Top<'a> {
    fn read<W: Watch<'a>>(&mut self, reader: &mut Watched<'a, '_, W>) -> Result<(), JsonError> {
        members(reader, |key, reader, value| {
            // Longer than any name that matters, however it is escaped: passed without unescaping it.
            if key.raw().len() > LONGEST_NAME {
                return reader.skip(&value);
            }
            match &*key.unescaped() {
                "model" => self.model = Some(string(reader, value)?),
                "id" => self.id = string(reader, value)?,
                "messages" => self.messages = Some(Messages::read(reader, value)?),
                "choices" => self.choices = Some(Choice::read_first(reader, value)?),
                "usage" => self.usage = Some(Usage::read(reader, value)?),
                "max_tokens" => self.max_tokens = number(reader, value)?,
                "max_completion_tokens" => self.max_completion_tokens = number(reader, value)?,
                "stream" => {
                    self.stream = value == Event::Bool(true);
                    reader.skip(&value)?;
                }
                name => {
                    self.present |= Flags::of_request_member(name);
                    reader.skip(&value)?;
                }
            }
            Ok(())
        })
    }

    fn into_header(self, prices: &Prices) -> Header<'a> {
        let call = self.messages.is_some() && self.model.is_some();
        let answer = self.choices.is_some()
            || self.id.is_some_and(|id| id.unescaped().starts_with("chatcmpl-"));
        if answer && !call { self.response(prices) } else { self.request(prices) }
    }

    fn model(&self) -> Cow<'a, str> {
        self.model.flatten().map(|model| short(model.unescaped())).unwrap_or_default()
    }

    fn request(self, prices: &Prices) -> Header<'a> {
        let model = self.model();
        let messages = self.messages.unwrap_or_default();
        let max_tokens = self.max_tokens.or(self.max_completion_tokens);
        let mut flags = self.present;
        flags.set(Flags::STREAM, self.stream);
        flags.set(Flags::MAX_TOKENS, max_tokens.is_some());
        flags.set(Flags::SYSTEM_PROMPT, messages.system);
        flags.set(Flags::IMAGES, messages.images);
        let est_cost_usd =
            prices.estimate(&model, messages.content_hint / 4, max_tokens.unwrap_or(500));
        Header::new(
            flags,
            Body::Request(Request {
                model,
                roles: messages.roles,
                content_hint: messages.content_hint,
                max_tokens,
                est_cost_usd: Some(est_cost_usd),
            }),
        )
    }

    fn response(self, prices: &Prices) -> Header<'a> {
        let model = self.model();
        let choice = self.choices.unwrap_or_default();
        let has_usage = self.usage.is_some();
        let usage = self.usage.unwrap_or_default();
        let positive = |tokens: Option<u32>| tokens.filter(|tokens| *tokens > 0);
        let cached_tokens = positive(usage.cached_tokens);
        let reasoning_tokens = positive(usage.reasoning_tokens);
        let finish_reason = choice.finish_reason.unwrap_or(FinishReason::Unknown);
        let mut flags = Flags::default();
        flags.set(Flags::TOOL_CALLS, choice.tool_calls);
        flags.set(Flags::REFUSAL, choice.refusal);
        flags.set(Flags::CONTENT_FILTERED, finish_reason == FinishReason::ContentFilter);
        flags.set(Flags::TRUNCATED, finish_reason == FinishReason::Length);
        flags.set(Flags::USAGE, has_usage);
        flags.set(Flags::CACHED_TOKENS, cached_tokens.is_some());
        flags.set(Flags::REASONING_TOKENS, reasoning_tokens.is_some());
        flags.set(Flags::COST, has_usage);
        let est_cost_usd = has_usage
            .then(|| prices.estimate(&model, usage.prompt_tokens, usage.completion_tokens));
        Header::new(
            flags,
            Body::Response(Response {
                id: self.id.map(|id| short(id.unescaped())).unwrap_or_default(),
                model,
                finish_reason,
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                cached_tokens,
                reasoning_tokens,
                est_cost_usd,
            }),
        )
    }
}

/// A text for a field whose length is one byte: cut at a character's boundary.
fn short(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= 255 {
        return text;
    }
    let end = text.floor_char_boundary(255);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..end).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}
