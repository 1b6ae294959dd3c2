//! A request's messages: who speaks, how much, and whether there are images.

use super::super::{Event, JsonError, Text, Watch, Watched};
use super::walk::{items, members, string};
use crate::frame::{Role, Roles};

#[derive(Default)]
pub(super) struct Messages {
    pub(super) roles: Roles<'static>,
    pub(super) content_hint: u32,
    pub(super) system: bool,
    pub(super) images: bool,
}

impl Messages {
    pub(super) fn read<'a, W: Watch<'a>>(
        reader: &mut Watched<'a, '_, W>,
        value: Event<'a>,
    ) -> Result<Self, JsonError> {
        let mut all = Self::default();
        items(reader, value, |reader, message| {
            let known = reader.known();
            let read = [MessageFacts::read(reader, message)?];
            for facts in if known.all().is_empty() { &read } else { known.all() } {
                reader.message(*facts);
                all.roles.push(facts.role);
                all.system |= facts.role == Role::System;
                all.images |= facts.images;
                all.content_hint = all.content_hint.saturating_add(facts.content_len);
            }
            Ok(())
        })?;
        Ok(all)
    }
}

/// What a header tells of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageFacts {
    role: Role,
    content_len: u32,
    images: bool,
}

impl MessageFacts {
    fn read<'a, W: Watch<'a>>(
        reader: &mut Watched<'a, '_, W>,
        message: Event<'a>,
    ) -> Result<Self, JsonError> {
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
        let role = role.and_then(|role| Role::from_name(&role.unescaped())).unwrap_or(Role::Tool);
        Ok(Self { role, content_len: content.len, images: content.images })
    }
}

#[derive(Default)]
pub(super) struct Content {
    pub(super) len: u32,
    pub(super) images: bool,
}

impl Content {
    /// A message's content: a string, or an array of parts.
    pub(super) fn read<'a, W: Watch<'a>>(
        reader: &mut Watched<'a, '_, W>,
        value: Event<'a>,
    ) -> Result<Self, JsonError> {
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
