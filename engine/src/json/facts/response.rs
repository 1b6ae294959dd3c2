//! A response's first choice and its usage.

use super::super::{Event, JsonError, Watch, Watched};
use super::walk::{items, members, number, string};
use crate::frame::FinishReason;

/// The first of a response's choices.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) tool_calls: bool,
    pub(super) refusal: bool,
}

impl Choice {
    pub(super) fn read_first<'a, W: Watch<'a>>(
        reader: &mut Watched<'a, '_, W>,
        value: Event<'a>,
    ) -> Result<Self, JsonError> {
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
pub(super) struct Usage {
    pub(super) prompt_tokens: u32,
    pub(super) completion_tokens: u32,
    pub(super) cached_tokens: Option<u32>,
    pub(super) reasoning_tokens: Option<u32>,
}

impl Usage {
    pub(super) fn read<'a, W: Watch<'a>>(
        reader: &mut Watched<'a, '_, W>,
        value: Event<'a>,
    ) -> Result<Self, JsonError> {
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
fn detail<'a, W: Watch<'a>>(
    reader: &mut Watched<'a, '_, W>,
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
