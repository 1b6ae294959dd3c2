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
use crate::encode::{Coding, Content, Encoded};
use crate::flow::Wrapped;
use crate::secure::{Mode, Seal, Sealed, Secured};

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

/// Writes what was encoded, and closes it where it is secured; `None` for what the cipher does not take, over 256 GiB.
pub(crate) fn write(secured: Secured<'_>) -> Option<Wrapped<'_>> {
    let Secured { encoded, seal } = secured;
    let len = encoded.framed_len() + seal.as_ref().map_or(0, Seal::overhead);
    let algorithm = encoded.content.algorithm();
    let Encoded { content, verdict } = encoded;
    let mut headers: Vec<_> = verdict.header().into_iter().collect();
    let bytes = match content {
        Content::Stored(payload) => Cow::Borrowed(payload),
        Content::M2m { header, crc32, body } => {
            let mut frame = Vec::with_capacity(len);
            frame.extend_from_slice(M2M_PREFIX);
            header.write(&mut frame);
            let headers_end = frame.len();
            frame.extend_from_slice(seal.as_ref().map_or(&[], Seal::nonce));
            // Limits keep bodies below 2 GiB.
            let body_len = u32::try_from(body.len()).unwrap_or(u32::MAX);
            frame.extend_from_slice(&body_len.to_le_bytes());
            frame.extend_from_slice(&crc32.to_le_bytes());
            frame.extend_from_slice(&body);
            if let Some(seal) = seal {
                headers.extend(seal.close(&mut frame, M2M_PREFIX.len(), headers_end)?);
            }
            Cow::Owned(frame)
        }
        Content::TokenNative { tokenizer, ids } => {
            let mut text = TOKEN_NATIVE_PREFIX.to_vec();
            text.push(letter(tokenizer));
            text.push(b'|');
            append_base64(&mut text, &ids);
            Cow::Owned(text)
        }
        Content::Brotli(body) => {
            let mut text = BROTLI_PREFIX.to_vec();
            append_base64(&mut text, &body);
            Cow::Owned(text)
        }
    };
    debug_assert_eq!(bytes.len(), len, "told before it was written");
    Some(Wrapped { bytes, algorithm, headers, verdict })
}

impl Encoded<'_> {
    /// The length of what [`write`] writes, if it is not secured.
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

/// A message taken apart.
#[derive(Debug)]
pub(crate) enum Parts<'a> {
    /// What is in it can be looked at.
    Held(Held<'a>),
    /// Not before its tag has been checked.
    Sealed(Sealed<'a>),
}

/// What a message holds, before it is decoded.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    pub(crate) coding: Coding,
    /// Of the original payload.
    pub(crate) crc32: Option<u32>,
    pub(crate) body: Cow<'a, [u8]>,
}

/// Takes a message apart. What an M2M v1 frame's header tells of the payload is not read: a frame whose header [`peek`] refuses opens
/// all the same, as its checksum is what vouches for the payload.
pub(crate) fn read(form: Form, message: &[u8]) -> Result<Parts<'_>, FrameError> {
    let held = |coding, body| Parts::Held(Held { coding, crc32: None, body });
    match form {
        Form::Plain => Ok(held(Coding::Identity, Cow::Borrowed(message))),
        Form::M2m => parts(Cow::Borrowed(message.get(M2M_PREFIX.len()..).unwrap_or_default())),
        Form::M2mText => parts(Cow::Owned(decode_whole_text(message)?)),
        Form::TokenNative => {
            let rest = message.get(TOKEN_NATIVE_PREFIX.len()..).unwrap_or_default();
            let (tokenizer, base64) = match rest {
                [letter, b'|', base64 @ ..] => (tokenizer(*letter)?, base64),
                _ => return Err(FrameError::Tokenizer),
            };
            let ids = STANDARD.decode(base64).map_err(|_| FrameError::Base64)?;
            Ok(held(Coding::TokenIds(tokenizer), Cow::Owned(ids)))
        }
        Form::Brotli => {
            let base64 = message.get(BROTLI_PREFIX.len()..).unwrap_or_default();
            let body = STANDARD.decode(base64).map_err(|_| FrameError::Base64)?;
            Ok(held(Coding::Brotli, Cow::Owned(body)))
        }
    }
}

/// An M2M v1 frame, from what follows its prefix.
fn parts(bytes: Cow<'_, [u8]>) -> Result<Parts<'_>, FrameError> {
    let (fixed, _, rest) = header::split(&bytes)?;
    let compressed = fixed.flags.contains(Flags::COMPRESSED);
    let coding = if compressed { Coding::Brotli } else { Coding::Identity };
    let headers_len = bytes.len() - rest.len();
    let mode = match fixed.security {
        Security::None => return held(coding, tail(bytes, headers_len)).map(Parts::Held),
        Security::Hmac => Mode::Hmac,
        Security::Aead => Mode::Aead,
    };
    Ok(Parts::Sealed(Sealed { mode, coding, bytes, headers_len }))
}

/// What follows the headers of an M2M v1 frame: length, checksum, payload.
pub(crate) fn held(coding: Coding, bytes: Cow<'_, [u8]>) -> Result<Held<'_>, FrameError> {
    let part = "payload length";
    let (stated, rest) = bytes.split_first_chunk::<4>().ok_or(FrameError::Truncated { part })?;
    let part = "checksum";
    let (crc32, body) = rest.split_first_chunk::<4>().ok_or(FrameError::Truncated { part })?;
    let stated = usize::try_from(u32::from_le_bytes(*stated)).unwrap_or(usize::MAX);
    if stated != body.len() {
        return Err(FrameError::PayloadLen { stated, held: body.len() });
    }
    let crc32 = Some(u32::from_le_bytes(*crc32));
    Ok(Held { coding, crc32, body: tail(bytes, 8) })
}

fn tail(bytes: Cow<'_, [u8]>, from: usize) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(from..).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.drain(..from.min(bytes.len()));
            Cow::Owned(bytes)
        }
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
