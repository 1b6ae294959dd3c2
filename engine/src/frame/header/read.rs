//! Reading a header, field by field, borrowing from the frame.

use std::borrow::Cow;

use super::super::{Flags, FrameError, varint};
use super::{Body, FIXED, FinishReason, Header, Request, Response, Roles, Schema, Security};

/// Bytes of an estimated cost.
const COST: usize = 4;

/// The fixed part of a header: all that opening a frame needs.
pub(in crate::frame) struct Fixed {
    schema: Schema,
    pub(in crate::frame) security: Security,
    pub(in crate::frame) flags: Flags,
    /// Of the whole header, as it states it.
    len: u16,
}

/// The fixed part at the front of what follows a frame's prefix, the variable part as it is, and what follows the header.
///
/// The reference implementation opens a frame without regard to what stands in the variable part, and has to: for some requests it
/// writes one that cannot be read (fewer roles than messages, a model's name over 255 bytes).
pub(in crate::frame) fn split(after_prefix: &[u8]) -> Result<(Fixed, &[u8], &[u8]), FrameError> {
    const PART: &str = "header";
    let fixed = after_prefix.first_chunk::<FIXED>().ok_or(FrameError::Truncated { part: PART })?;
    let [len0, len1, schema, security, f0, f1, f2, f3, ..] = *fixed;
    let stated = u16::from_le_bytes([len0, len1]);
    let len = usize::from(stated);
    if len < FIXED {
        return Err(FrameError::HeaderLen { len: stated });
    }
    let schema = Schema::from_byte(schema);
    let security = [Security::None, Security::Hmac, Security::Aead]
        .into_iter()
        .find(|mode| mode.byte() == security)
        .ok_or(FrameError::Security { byte: security })?;
    let flags = Flags::from_bits(u32::from_le_bytes([f0, f1, f2, f3]));
    let (header, rest) =
        after_prefix.split_at_checked(len).ok_or(FrameError::Truncated { part: PART })?;
    let variable = header.get(FIXED..).unwrap_or_default();
    Ok((Fixed { schema, security, flags, len: stated }, variable, rest))
}

/// The header at the front of what follows a frame's prefix.
pub(in crate::frame) fn read(after_prefix: &[u8]) -> Result<Header<'_>, FrameError> {
    let (Fixed { schema, security, flags, len }, variable, _) = split(after_prefix)?;
    let mut fields = Fields { rest: variable, len };
    let body = match schema {
        Schema::Request | Schema::EmbeddingRequest => Body::Request(fields.request(flags)?),
        Schema::Response | Schema::EmbeddingResponse | Schema::Error => {
            Body::Response(fields.response(flags)?)
        }
        Schema::StreamChunk | Schema::Custom | Schema::Unknown(_) => Body::None,
    };
    Ok(Header { schema, security, flags, body })
}

/// Reads the fields of a variable header one after the other. What follows the last known field is left for extensions.
struct Fields<'a> {
    rest: &'a [u8],
    len: u16,
}

impl<'a> Fields<'a> {
    fn request(&mut self, flags: Flags) -> Result<Request<'a>, FrameError> {
        let model = self.short("model")?;
        let count = self.varint("msg_count")?;
        let count = usize::try_from(count).map_err(|_| self.too_long())?;
        let packed = self.bytes(count.div_ceil(4))?;
        let content_hint = self.varint("content_hint")?;
        // For `"max_tokens": null` the reference implementation sets the flag and writes no number: only the cost is left.
        let has_number = flags.contains(Flags::MAX_TOKENS) && self.rest.len() != COST;
        let max_tokens = self.varint_if(has_number, "max_tokens")?;
        Ok(Request {
            model,
            roles: Roles { packed: Cow::Borrowed(packed), count },
            content_hint,
            max_tokens,
            est_cost_usd: if self.rest.is_empty() { None } else { Some(self.f32()?) },
        })
    }

    fn response(&mut self, flags: Flags) -> Result<Response<'a>, FrameError> {
        let id = self.short("id")?;
        let model = self.short("model")?;
        let finish_reason = FinishReason::from_byte(self.byte()?);
        let prompt_tokens = self.varint("prompt_tokens")?;
        let completion_tokens = self.varint("completion_tokens")?;
        let cached_tokens =
            self.varint_if(flags.contains(Flags::CACHED_TOKENS), "cached_tokens")?;
        let reasoning_tokens =
            self.varint_if(flags.contains(Flags::REASONING_TOKENS), "reasoning_tokens")?;
        let est_cost_usd = if flags.contains(Flags::COST) { Some(self.f32()?) } else { None };
        Ok(Response {
            id,
            model,
            finish_reason,
            prompt_tokens,
            completion_tokens,
            cached_tokens,
            reasoning_tokens,
            est_cost_usd,
        })
    }

    fn too_long(&self) -> FrameError {
        FrameError::HeaderLen { len: self.len }
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], FrameError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.too_long())?;
        self.rest = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, FrameError> {
        let (byte, rest) = self.rest.split_first().ok_or_else(|| self.too_long())?;
        self.rest = rest;
        Ok(*byte)
    }

    fn short(&mut self, field: &'static str) -> Result<Cow<'a, str>, FrameError> {
        let len = self.byte()?;
        let bytes = self.bytes(usize::from(len))?;
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| FrameError::Field { field })?;
        Ok(Cow::Borrowed(text))
    }

    fn varint(&mut self, field: &'static str) -> Result<u32, FrameError> {
        let (value, rest) = varint::read(self.rest).ok_or(FrameError::Field { field })?;
        self.rest = rest;
        Ok(value)
    }

    fn varint_if(&mut self, present: bool, field: &'static str) -> Result<Option<u32>, FrameError> {
        present.then(|| self.varint(field)).transpose()
    }

    fn f32(&mut self) -> Result<f32, FrameError> {
        let (bytes, rest) = self.rest.split_first_chunk::<COST>().ok_or_else(|| self.too_long())?;
        self.rest = rest;
        Ok(f32::from_le_bytes(*bytes))
    }
}
