//! Token ids: the payload as the numbers that a model's tokenizer gives it. The tokenizer is the dictionary.

mod llama3;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

use self::llama3::Llama3;
use super::DecodeError;
use crate::config::{ConfigError, Tokenizer};
use crate::frame::{FrameError, read_varint, write_varint};

/// The longest stretch without white space or digits, or of white space alone, that is given to a tokenizer; in bytes.
///
/// Such a stretch can be one piece to the tokenizer, for which it takes 60 bytes of memory and half a microsecond per byte.
const MAX_RUN: usize = 1 << 20;

/// Ids decoded between two looks at the limit. The longest token of C, O and L has 128 bytes, so that the limit is passed by 32 KiB at most.
const STEP: usize = 256;

/// The tokenizers. Each is loaded when it is first needed, once: C and O for the process, L for the engine.
pub(crate) struct Tokenizers {
    llama3: Option<Llama3>,
}

/// Llama 3 was asked for, and no file was given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoLlama3;

impl fmt::Debug for Tokenizers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizers").field("llama3", &self.llama3.is_some()).finish()
    }
}

impl Tokenizers {
    /// # Errors
    /// When the file is not Llama 3's.
    pub(crate) fn new(llama3: Option<Arc<[u8]>>) -> Result<Self, ConfigError> {
        let llama3 = llama3.map(Llama3::new).transpose();
        let llama3 = llama3.map_err(|llama3::Malformed { line }| ConfigError::Llama3 { line })?;
        Ok(Self { llama3 })
    }

    fn get(&self, tokenizer: Tokenizer) -> Result<&CoreBPE, NoLlama3> {
        match tokenizer {
            Tokenizer::Cl100k => Ok(cl100k_base_singleton()),
            Tokenizer::O200k => Ok(o200k_base_singleton()),
            Tokenizer::Llama3 => self.llama3.as_ref().map(Llama3::get).ok_or(NoLlama3),
        }
    }

    /// The ids of a text, special tokens as such; `None` when the tokenizer cannot take this text.
    pub(crate) fn encode(
        &self,
        tokenizer: Tokenizer,
        text: &str,
    ) -> Result<Option<Vec<u32>>, NoLlama3> {
        let bpe = self.get(tokenizer)?;
        if longest_run(text) > MAX_RUN {
            return Ok(None);
        }
        // Its one error is a regular expression that gives up, as O does on half a million spaces.
        Ok(bpe.encode(text, &bpe.special_tokens()).ok().map(|(ids, _)| ids))
    }

    /// The bytes that the ids stand for, `limit` at most.
    pub(crate) fn decode(
        &self,
        tokenizer: Tokenizer,
        ids: &[u32],
        limit: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        let bpe = self.get(tokenizer).map_err(|NoLlama3| DecodeError::NoLlama3)?;
        let mut out = Vec::with_capacity(ids.len().saturating_mul(4).min(limit));
        for (step, ids) in ids.chunks(STEP).enumerate() {
            let bytes = bpe.decode_bytes(ids).map_err(|unknown| {
                let within = ids.iter().position(|id| *id == unknown.token).unwrap_or(0);
                DecodeError::Frame(FrameError::Token { index: step * STEP + within })
            })?;
            if bytes.len() > limit - out.len() {
                return Err(DecodeError::TooLong);
            }
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }
}

/// The longest stretch that a tokenizer might take for one piece, in bytes.
fn longest_run(text: &str) -> usize {
    #[derive(PartialEq)]
    enum Class {
        Space,
        Digit,
        Other,
    }
    let (mut longest, mut start, mut class) = (0, 0, Class::Other);
    for (at, char) in text.char_indices() {
        let next = match char {
            '0'..='9' => Class::Digit,
            c if c.is_whitespace() => Class::Space,
            _ => Class::Other,
        };
        if next != class {
            // Digits stand three to a piece.
            if class != Class::Digit {
                longest = longest.max(at - start);
            }
            (start, class) = (at, next);
        }
    }
    if class == Class::Digit { longest } else { longest.max(text.len() - start) }
}

pub(crate) fn write_ids(ids: &[u32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ids.len() * 2);
    for id in ids {
        write_varint(&mut out, *id);
    }
    out
}

pub(crate) fn read_ids(mut bytes: &[u8]) -> Result<Vec<u32>, DecodeError> {
    let mut ids = Vec::with_capacity(bytes.len() / 2);
    while !bytes.is_empty() {
        let (id, rest) =
            read_varint(bytes).ok_or(DecodeError::Frame(FrameError::Token { index: ids.len() }))?;
        ids.push(id);
        bytes = rest;
    }
    Ok(ids)
}
