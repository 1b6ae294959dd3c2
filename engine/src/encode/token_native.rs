//! Token ids. The tokenizers follow in the next change; until then every text takes another algorithm.

use std::sync::Arc;

use super::DecodeError;
use crate::config::{ConfigError, Tokenizer};
use crate::frame::{FrameError, read_varint, write_varint};

#[derive(Debug)]
pub(crate) struct Tokenizers;

#[derive(Debug)]
pub(crate) struct NoLlama3;

impl Tokenizers {
    pub(crate) fn new(_llama3: Option<Arc<[u8]>>) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    pub(crate) fn encode(
        &self,
        _tokenizer: Tokenizer,
        _text: &str,
    ) -> Result<Option<Vec<u32>>, NoLlama3> {
        Ok(None)
    }

    pub(crate) fn decode(
        &self,
        _tokenizer: Tokenizer,
        _ids: &[u32],
        _limit: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        Err(DecodeError::NoLlama3)
    }
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
