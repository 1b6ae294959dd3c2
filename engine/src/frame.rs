//! Step 5. In: Encoded. Out: the bytes on the wire. And back.
//!
//! Which form a message has is told by its prefix alone ([`Form::of`]); [`peek`] reads the header of an M2M v1 frame from its first
//! bytes, without a key, without touching the payload, without allocating.

pub mod cost;
mod error;
mod flags;
mod header;
mod provider;
mod varint;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use error::FrameError;
pub use flags::Flags;
pub use header::{Body, FinishReason, Header, Request, Response, Role, Roles, Schema, Security};
pub use provider::provider;
pub(crate) use varint::{read as read_varint, write as write_varint};

use crate::config::Tokenizer;
use crate::encode::{Algorithm, Coding, Content, Encoded};
use crate::flow::Wrapped;

/// What an M2M v1 frame begins with.
pub const M2M_PREFIX: &[u8] = b"#M2M|1|";
/// What a token-native text begins with.
pub const TOKEN_NATIVE_PREFIX: &[u8] = b"#TK|";
/// What a Brotli text begins with.
pub const BROTLI_PREFIX: &[u8] = b"#M2M[v3.0]|DATA:";

/// How a message is put, told by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// No frame: the payload itself.
    Plain,
    /// M2M v1, binary.
    M2m,
    /// M2M v1, its bytes after the prefix in base64.
    M2mText,
    /// Token ids in base64.
    TokenNative,
    /// Brotli in base64.
    Brotli,
}

impl Form {
    /// The form of a message.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        if let Some(rest) = message.strip_prefix(M2M_PREFIX) {
            // The fourth byte is 0, 1 or 2 in the binary form, and a letter, digit, plus, slash or equals sign in base64.
            match rest.get(3) {
                Some(byte) if byte.is_ascii_graphic() => Self::M2mText,
                _ => Self::M2m,
            }
        } else if message.starts_with(TOKEN_NATIVE_PREFIX) {
            Self::TokenNative
        } else if message.starts_with(BROTLI_PREFIX) {
            Self::Brotli
        } else {
            Self::Plain
        }
    }

    /// `plain`, `m2m`, `m2m-text`, `token-native` or `brotli`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::M2m => "m2m",
            Self::M2mText => "m2m-text",
            Self::TokenNative => "token-native",
            Self::Brotli => "brotli",
        }
    }
}

/// Reads the header of an M2M v1 frame in its binary form from its first bytes; the payload need not be there.
///
/// # Errors
/// When these are not the first bytes of such a frame, or end within the header.
pub fn peek(frame: &[u8]) -> Result<Header<'_>, FrameError> {
    let rest = frame.strip_prefix(M2M_PREFIX).ok_or(FrameError::Truncated { part: "prefix" })?;
    header::read(rest)
}

/// The header of an M2M v1 frame in its text form, decoded: so that [`peek_decoded`] can read it. What follows it is not looked at.
///
/// # Errors
/// When it is not in that form.
pub fn decode_text(frame: &[u8]) -> Result<Vec<u8>, FrameError> {
    let rest = frame.strip_prefix(M2M_PREFIX).ok_or(FrameError::Truncated { part: "prefix" })?;
    let decode = |bytes: usize| {
        // Four characters stand for three bytes; those at the very end may be padded.
        let end = rest.len().min(bytes.div_ceil(3) * 4);
        STANDARD.decode(rest.get(..end).unwrap_or_default()).map_err(|_| FrameError::Base64)
    };
    match decode(2)?.first_chunk() {
        Some(len) => decode(usize::from(u16::from_le_bytes(*len))),
        None => Err(FrameError::Truncated { part: "header" }),
    }
}

fn decode_whole_text(frame: &[u8]) -> Result<Vec<u8>, FrameError> {
    let rest = frame.strip_prefix(M2M_PREFIX).ok_or(FrameError::Truncated { part: "prefix" })?;
    STANDARD.decode(rest).map_err(|_| FrameError::Base64)
}

/// As [`peek`], from what [`decode_text`] gave.
///
/// # Errors
/// As [`peek`].
pub fn peek_decoded(after_prefix: &[u8]) -> Result<Header<'_>, FrameError> {
    header::read(after_prefix)
}

/// The text form of a binary M2M v1 frame; for anything else, that itself.
#[must_use]
pub fn to_text(frame: &[u8]) -> Cow<'_, [u8]> {
    match (Form::of(frame), frame.strip_prefix(M2M_PREFIX)) {
        (Form::M2m, Some(rest)) => {
            let mut text = String::from_utf8_lossy(M2M_PREFIX).into_owned();
            STANDARD.encode_string(rest, &mut text);
            Cow::Owned(text.into_bytes())
        }
        _ => Cow::Borrowed(frame),
    }
}

/// Writes what was encoded.
pub(crate) fn write(encoded: Encoded<'_>) -> Wrapped<'_> {
    let len = encoded.framed_len();
    let Encoded { content, verdict } = encoded;
    let (bytes, algorithm) = match content {
        Content::Stored(payload) => (Cow::Borrowed(payload), Algorithm::Stored),
        Content::M2m { header, crc32, body } => {
            let mut frame = Vec::with_capacity(len);
            frame.extend_from_slice(M2M_PREFIX);
            header.write(&mut frame);
            // Limits keep bodies below 2 GiB.
            let body_len = u32::try_from(body.len()).unwrap_or(u32::MAX);
            frame.extend_from_slice(&body_len.to_le_bytes());
            frame.extend_from_slice(&crc32.to_le_bytes());
            frame.extend_from_slice(&body);
            (Cow::Owned(frame), Algorithm::M2m)
        }
        Content::TokenNative { tokenizer, ids } => {
            let mut text = TOKEN_NATIVE_PREFIX.to_vec();
            text.push(letter(tokenizer));
            text.push(b'|');
            append_base64(&mut text, &ids);
            (Cow::Owned(text), Algorithm::TokenNative)
        }
        Content::Brotli(body) => {
            let mut text = BROTLI_PREFIX.to_vec();
            append_base64(&mut text, &body);
            (Cow::Owned(text), Algorithm::Brotli)
        }
    };
    debug_assert_eq!(bytes.len(), len, "told before it was written");
    Wrapped { bytes, algorithm, headers: verdict.header().into_iter().collect(), verdict }
}

impl Encoded<'_> {
    /// The length of what [`write`] writes.
    pub(crate) fn framed_len(&self) -> usize {
        let base64 = |len: usize| len.div_ceil(3) * 4;
        match &self.content {
            Content::Stored(payload) => payload.len(),
            Content::M2m { header, body, .. } => M2M_PREFIX.len() + header.len() + 8 + body.len(),
            Content::TokenNative { ids, .. } => TOKEN_NATIVE_PREFIX.len() + 2 + base64(ids.len()),
            Content::Brotli(body) => BROTLI_PREFIX.len() + base64(body.len()),
        }
    }
}

fn append_base64(text: &mut Vec<u8>, bytes: &[u8]) {
    text.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

/// What a message holds, before it is decoded.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    pub(crate) security: Security,
    pub(crate) coding: Coding,
    /// Of the original payload.
    pub(crate) crc32: Option<u32>,
    pub(crate) body: Cow<'a, [u8]>,
}

/// Takes a message apart. What an M2M v1 frame's header tells of the payload is not read: a frame whose header [`peek`] refuses opens
/// all the same, as its checksum is what vouches for the payload.
pub(crate) fn read(form: Form, message: &[u8]) -> Result<Held<'_>, FrameError> {
    let plain = |coding, body| Held { security: Security::None, coding, crc32: None, body };
    match form {
        Form::Plain => Ok(plain(Coding::Identity, Cow::Borrowed(message))),
        Form::M2m => {
            let after_prefix = message.get(M2M_PREFIX.len()..).unwrap_or_default();
            let parts = Parts::read(after_prefix)?;
            let body = after_prefix.get(parts.body_at..).unwrap_or_default();
            Ok(parts.held(Cow::Borrowed(body)))
        }
        Form::M2mText => {
            let mut decoded = decode_whole_text(message)?;
            let parts = Parts::read(&decoded)?;
            decoded.drain(..parts.body_at);
            Ok(parts.held(Cow::Owned(decoded)))
        }
        Form::TokenNative => {
            let rest = message.get(TOKEN_NATIVE_PREFIX.len()..).unwrap_or_default();
            let (tokenizer, base64) = match rest {
                [letter, b'|', base64 @ ..] => (tokenizer(*letter)?, base64),
                _ => return Err(FrameError::Tokenizer),
            };
            let ids = STANDARD.decode(base64).map_err(|_| FrameError::Base64)?;
            Ok(plain(Coding::TokenIds(tokenizer), Cow::Owned(ids)))
        }
        Form::Brotli => {
            let base64 = message.get(BROTLI_PREFIX.len()..).unwrap_or_default();
            let body = STANDARD.decode(base64).map_err(|_| FrameError::Base64)?;
            Ok(plain(Coding::Brotli, Cow::Owned(body)))
        }
    }
}

/// The fixed places of an M2M v1 frame.
struct Parts {
    security: Security,
    compressed: bool,
    crc32: u32,
    body_at: usize,
}

impl Parts {
    fn read(after_prefix: &[u8]) -> Result<Self, FrameError> {
        let (fixed, _, rest) = header::split(after_prefix)?;
        let security = fixed.security;
        let compressed = fixed.flags.contains(Flags::COMPRESSED);
        let body_at = after_prefix.len() - rest.len();
        if security != Security::None {
            // What follows is sealed or signed; its lengths mean nothing before it has been authenticated.
            return Ok(Self { security, compressed, crc32: 0, body_at });
        }
        let (stated, rest) = rest
            .split_first_chunk::<4>()
            .ok_or(FrameError::Truncated { part: "payload length" })?;
        let (crc32, body) =
            rest.split_first_chunk::<4>().ok_or(FrameError::Truncated { part: "checksum" })?;
        let stated = usize::try_from(u32::from_le_bytes(*stated)).unwrap_or(usize::MAX);
        if stated != body.len() {
            return Err(FrameError::PayloadLen { stated, held: body.len() });
        }
        Ok(Self { security, compressed, crc32: u32::from_le_bytes(*crc32), body_at: body_at + 8 })
    }

    fn held(self, body: Cow<'_, [u8]>) -> Held<'_> {
        let coding = if self.compressed { Coding::Brotli } else { Coding::Identity };
        Held { security: self.security, coding, crc32: Some(self.crc32), body }
    }
}

/// The id of a tokenizer in the text form.
fn letter(tokenizer: Tokenizer) -> u8 {
    match tokenizer {
        Tokenizer::Cl100k => b'C',
        Tokenizer::O200k => b'O',
        Tokenizer::Llama3 => b'L',
    }
}

fn tokenizer(id: u8) -> Result<Tokenizer, FrameError> {
    [Tokenizer::Cl100k, Tokenizer::O200k, Tokenizer::Llama3]
        .into_iter()
        .find(|tokenizer| letter(*tokenizer) == id)
        .ok_or(FrameError::Tokenizer)
}
