//! The facts of a header, collected in one pass over a payload.
//!
//! Where a name stands twice in an object the last one counts, as it does for the reference implementation's parser.

use std::borrow::Cow;

use super::{Event, JsonError, Reader, Text};
use crate::config::{Config, ConfigError};
use crate::frame::cost::Prices;
use crate::frame::{Body, FinishReason, Flags, Header, Request, Response, Role, Roles};

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
        let header = self.document(payload).ok()?;
        header.fits().then_some(header)
    }

    fn document<'a>(&self, payload: &'a [u8]) -> Result<Header<'a>, JsonError> {
        let mut reader = Reader::new(payload, self.max_depth)?;
        let mut top = Top::default();
        let first = reader.next_event()?;
        if first == Event::ObjectStart {
            top.read(&mut reader)?;
        } else {
            reader.skip(&first)?;
        }
        // Only the end can follow; anything else is an error.
        reader.next_event()?;
        Ok(top.into_header(&self.prices))
    }
}

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
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        members(reader, |key, reader, value| {
            // Every name that matters is short: the rest is passed without unescaping it.
            if key.raw().len() > 64 {
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

#[derive(Default)]
struct Messages {
    roles: Roles<'static>,
    content_hint: u32,
    system: bool,
    images: bool,
}

impl Messages {
    fn read<'a>(reader: &mut Reader<'a>, value: Event<'a>) -> Result<Self, JsonError> {
        let mut all = Self::default();
        items(reader, value, |reader, message| {
            let (mut role, mut content) = (None, Content::default());
            if message == Event::ObjectStart {
                members(reader, |key, reader, value| {
                    match &*key.unescaped() {
                        "role" => role = string(reader, value)?,
                        "content" => content = Content::read(reader, value)?,
                        _ => reader.skip(&value)?,
                    }
                    Ok(())
                })?;
            } else {
                reader.skip(&message)?;
            }
            // The format has two bits for a role and one role for each message: what has none of the four counts as a tool.
            let role =
                role.and_then(|role| Role::from_name(&role.unescaped())).unwrap_or(Role::Tool);
            all.roles.push(role);
            all.system |= role == Role::System;
            all.images |= content.images;
            all.content_hint = all.content_hint.saturating_add(content.len);
            Ok(())
        })?;
        Ok(all)
    }
}

#[derive(Default)]
struct Content {
    len: u32,
    images: bool,
}

impl Content {
    /// A message's content: a string, or an array of parts.
    fn read<'a>(reader: &mut Reader<'a>, value: Event<'a>) -> Result<Self, JsonError> {
        let mut content = Self::default();
        if let Event::String(text) = value {
            content.add(text);
            return Ok(content);
        }
        items(reader, value, |reader, part| {
            if part != Event::ObjectStart {
                return reader.skip(&part);
            }
            let (mut text, mut kind) = (None, None);
            members(reader, |key, reader, value| {
                match &*key.unescaped() {
                    "text" => text = string(reader, value)?,
                    "type" => kind = string(reader, value)?,
                    _ => reader.skip(&value)?,
                }
                Ok(())
            })?;
            if let Some(text) = text {
                content.add(text);
            }
            content.images |= kind.is_some_and(|kind| kind.unescaped() == "image_url");
            Ok(())
        })?;
        Ok(content)
    }

    fn add(&mut self, text: Text<'_>) {
        let len = u32::try_from(text.unescaped_len()).unwrap_or(u32::MAX);
        self.len = self.len.saturating_add(len);
    }
}

/// The first of a response's choices.
#[derive(Default)]
struct Choice {
    finish_reason: Option<FinishReason>,
    tool_calls: bool,
    refusal: bool,
}

impl Choice {
    fn read_first<'a>(reader: &mut Reader<'a>, value: Event<'a>) -> Result<Self, JsonError> {
        let mut first = None;
        items(reader, value, |reader, item| {
            if first.is_some() || item != Event::ObjectStart {
                first.get_or_insert_default();
                return reader.skip(&item);
            }
            let choice: &mut Self = first.get_or_insert_default();
            members(reader, |key, reader, value| {
                match &*key.unescaped() {
                    "finish_reason" => {
                        let reason = string(reader, value)?;
                        choice.finish_reason =
                            reason.map(|r| FinishReason::from_name(&r.unescaped()));
                    }
                    "message" => {
                        (choice.tool_calls, choice.refusal) = (false, false);
                        if value != Event::ObjectStart {
                            return reader.skip(&value);
                        }
                        members(reader, |key, reader, value| {
                            match &*key.unescaped() {
                                "tool_calls" => {
                                    choice.tool_calls = true;
                                    reader.skip(&value)?;
                                }
                                "refusal" => choice.refusal = string(reader, value)?.is_some(),
                                _ => reader.skip(&value)?,
                            }
                            Ok(())
                        })?;
                    }
                    _ => reader.skip(&value)?,
                }
                Ok(())
            })
        })?;
        Ok(first.unwrap_or_default())
    }
}

#[derive(Default)]
struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    cached_tokens: Option<u32>,
    reasoning_tokens: Option<u32>,
}

impl Usage {
    fn read<'a>(reader: &mut Reader<'a>, value: Event<'a>) -> Result<Self, JsonError> {
        let mut usage = Self::default();
        if value != Event::ObjectStart {
            reader.skip(&value)?;
            return Ok(usage);
        }
        members(reader, |key, reader, value| {
            match &*key.unescaped() {
                "prompt_tokens" => usage.prompt_tokens = number(reader, value)?.unwrap_or(0),
                "completion_tokens" => {
                    usage.completion_tokens = number(reader, value)?.unwrap_or(0);
                }
                "prompt_tokens_details" => {
                    usage.cached_tokens = detail(reader, value, "cached_tokens")?;
                }
                "completion_tokens_details" => {
                    usage.reasoning_tokens = detail(reader, value, "reasoning_tokens")?;
                }
                _ => reader.skip(&value)?,
            }
            Ok(())
        })?;
        Ok(usage)
    }
}

/// The number under `name`, if `value` begins an object that has one.
fn detail<'a>(
    reader: &mut Reader<'a>,
    value: Event<'a>,
    name: &str,
) -> Result<Option<u32>, JsonError> {
    let mut found = None;
    if value != Event::ObjectStart {
        reader.skip(&value)?;
        return Ok(found);
    }
    members(reader, |key, reader, value| {
        if key.unescaped() == name {
            found = number(reader, value)?;
            Ok(())
        } else {
            reader.skip(&value)
        }
    })?;
    Ok(found)
}

/// Calls `each` with every member's name and its value's first event; `each` reads the value to its end. The object is open.
fn members<'a>(
    reader: &mut Reader<'a>,
    mut each: impl FnMut(Text<'a>, &mut Reader<'a>, Event<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    while let Event::Key(key) = reader.next_event()? {
        let value = reader.next_event()?;
        each(key, reader, value)?;
    }
    Ok(())
}

/// Calls `each` with every item's first event, if `value` begins an array; `each` reads the item to its end.
fn items<'a>(
    reader: &mut Reader<'a>,
    value: Event<'a>,
    mut each: impl FnMut(&mut Reader<'a>, Event<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if value != Event::ArrayStart {
        return reader.skip(&value);
    }
    loop {
        match reader.next_event()? {
            Event::ArrayEnd => return Ok(()),
            item => each(reader, item)?,
        }
    }
}

fn string<'a>(reader: &mut Reader<'a>, value: Event<'a>) -> Result<Option<Text<'a>>, JsonError> {
    match value {
        Event::String(text) => Ok(Some(text)),
        other => reader.skip(&other).map(|()| None),
    }
}

/// A whole number that is not negative; one over `u32::MAX` counts as that, as the header's readers know no more.
fn number<'a>(reader: &mut Reader<'a>, value: Event<'a>) -> Result<Option<u32>, JsonError> {
    match value {
        Event::Number(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Some(digits.parse().unwrap_or(u32::MAX)))
        }
        other => reader.skip(&other).map(|()| None),
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
