//! Step 3. In: Planned. Out: Encoded. Next: secure. The only place that inflates, always capped.

mod brotli;
mod padding;
pub(crate) mod token_native;

use std::borrow::Cow;

use self::padding::Padding;
use crate::config::{Compression, Config, ConfigError, Limits, Tokenizer};
use crate::flow::{OpenError, WrapError};
use crate::frame::{Flags, FrameError, Header, Held};
use crate::scan::{Scanned, Verdict};

/// What is done to a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// M2M v1: a header, and the payload in Brotli where that pays.
    M2m,
    /// The payload's token ids in base64.
    TokenNative,
    /// Brotli in base64.
    Brotli,
    /// Nothing: the payload goes as it is.
    Stored,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::M2m, Self::TokenNative, Self::Brotli, Self::Stored];

    /// `m2m`, `token-native`, `brotli` or `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::M2m => "m2m",
            Self::TokenNative => "token-native",
            Self::Brotli => "brotli",
            Self::Stored => "none",
        }
    }
}

/// A payload for which an algorithm was chosen.
#[derive(Debug)]
pub struct Planned<'a> {
    scanned: Scanned<'a>,
    algorithm: Algorithm,
    /// Stored after all, if it does not get smaller.
    if_smaller: bool,
    /// In the place of the configured one.
    tokenizer: Option<Tokenizer>,
}

impl<'a> Planned<'a> {
    pub(crate) fn forced(scanned: Scanned<'a>, algorithm: Algorithm) -> Self {
        Self { scanned, algorithm, if_smaller: false, tokenizer: None }
    }

    pub(crate) fn if_smaller(scanned: Scanned<'a>, algorithm: Algorithm) -> Self {
        Self { scanned, algorithm, if_smaller: true, tokenizer: None }
    }

    pub(crate) fn by(self, tokenizer: Option<Tokenizer>) -> Self {
        Self { tokenizer, ..self }
    }
}

/// What goes into a frame.
#[derive(Debug)]
pub struct Encoded<'a> {
    pub(crate) content: Content<'a>,
    pub(crate) verdict: Verdict,
}

#[derive(Debug)]
pub(crate) enum Content<'a> {
    Stored(&'a [u8]),
    M2m { header: Header<'a>, crc32: u32, body: Cow<'a, [u8]> },
    TokenNative { tokenizer: Tokenizer, ids: Vec<u8> },
    Brotli(Vec<u8>),
}

impl Content<'_> {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Stored(_) => Algorithm::Stored,
            Self::M2m { .. } => Algorithm::M2m,
            Self::TokenNative { .. } => Algorithm::TokenNative,
            Self::Brotli(_) => Algorithm::Brotli,
        }
    }
}

/// How the bytes in a frame stand for the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Brotli,
    TokenIds(Tokenizer),
}

/// JSON below this many bytes is not compressed within its frame, as the reference implementation has it.
const COMPRESS_FROM: usize = 100;

/// The algorithms, and what they were configured with.
#[derive(Debug)]
pub(crate) struct Codecs {
    /// `None`: nothing is compressed.
    brotli: Option<brotli::Encoder>,
    padding: Option<Padding>,
    tokenizer: Tokenizer,
    tokenizers: token_native::Tokenizers,
    limits: Limits,
}

impl Codecs {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            brotli: match config.compression {
                Compression::Off => None,
                Compression::On => Some(brotli::Encoder::new(config.level.into())),
            },
            padding: Padding::new(config),
            tokenizer: config.tokenizer,
            tokenizers: token_native::Tokenizers::new(config.llama3.clone())?,
            limits: config.limits,
        })
    }

    pub(crate) fn encode<'a>(&self, planned: Planned<'a>) -> Result<Encoded<'a>, WrapError> {
        let Planned { scanned, algorithm, if_smaller, tokenizer } = planned;
        let tokenizer = tokenizer.unwrap_or(self.tokenizer);
        let (payload, header, verdict) = scanned.into_parts();
        let content = match algorithm {
            Algorithm::Stored => Content::Stored(payload),
            Algorithm::M2m => self.m2m(payload, header),
            Algorithm::Brotli => match self.brotli(payload) {
                Some(compressed) => Content::Brotli(compressed),
                None => self.m2m(payload, header),
            },
            Algorithm::TokenNative if self.brotli.is_none() => self.m2m(payload, header),
            Algorithm::TokenNative => match self.token_ids(payload, tokenizer)? {
                Some(ids) => Content::TokenNative { tokenizer, ids },
                // Not text, or text that the tokenizer refuses: the form that takes everything.
                None => self.m2m(payload, header),
            },
        };
        let encoded = Encoded { content, verdict };
        if if_smaller && encoded.framed_len() >= payload.len() {
            return Ok(Encoded { content: Content::Stored(payload), ..encoded });
        }
        Ok(encoded)
    }

    fn brotli(&self, payload: &[u8]) -> Option<Vec<u8>> {
        self.brotli.as_ref()?.compress(payload)
    }

    fn m2m<'a>(&self, payload: &'a [u8], header: Option<Header<'a>>) -> Content<'a> {
        let crc32 = crc32fast::hash(payload);
        if let Some(padding) = self.padding {
            // A header of its own, as any other tells lengths.
            let mut header = Header::custom();
            header.flags.set(Flags::COMPRESSED, true);
            let quality = self.brotli.as_ref().map(brotli::Encoder::quality);
            let body = Cow::Owned(padding.padded(payload, quality, header.len()));
            return Content::M2m { header, crc32, body };
        }
        let mut header = header.unwrap_or_else(Header::custom);
        let mut body = Cow::Borrowed(payload);
        if payload.len() >= COMPRESS_FROM {
            let compressed = self.brotli(payload);
            if let Some(compressed) = compressed.filter(|bytes| bytes.len() < payload.len()) {
                header.flags.set(Flags::COMPRESSED, true);
                body = Cow::Owned(compressed);
            }
        }
        Content::M2m { header, crc32, body }
    }

    fn token_ids(
        &self,
        payload: &[u8],
        tokenizer: Tokenizer,
    ) -> Result<Option<Vec<u8>>, WrapError> {
        let Ok(text) = simdutf8::basic::from_utf8(payload) else {
            return Ok(None);
        };
        let ids = self
            .tokenizers
            .encode(tokenizer, text)
            .map_err(|token_native::NoLlama3| WrapError::NoLlama3Tokenizer)?;
        Ok(ids.map(|ids| token_native::write_ids(&ids)))
    }

    /// Turns what a message held back into the payload.
    pub(crate) fn decode<'a>(&self, held: Held<'a>) -> Result<Cow<'a, [u8]>, OpenError> {
        let limit = self.limits.inflated;
        let payload = match held.coding {
            Coding::Identity if held.body.len() > limit => Err(DecodeError::TooLong),
            Coding::Identity => Ok(held.body),
            Coding::Brotli => brotli::decompress(&held.body, limit).map(Cow::Owned),
            Coding::TokenIds(tokenizer) => token_native::read_ids(&held.body)
                .and_then(|ids| self.tokenizers.decode(tokenizer, &ids, limit))
                .map(Cow::Owned),
        };
        let payload = payload.map_err(|error| match error {
            DecodeError::TooLong => OpenError::PayloadTooLong { limit },
            DecodeError::Frame(error) => OpenError::Frame(error),
            DecodeError::NoLlama3 => OpenError::NoLlama3Tokenizer,
        })?;
        if held.crc32.is_some_and(|crc32| crc32 != crc32fast::hash(&payload)) {
            return Err(OpenError::Frame(FrameError::Checksum));
        }
        Ok(payload)
    }
}

/// Why decoding failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// Over the limit.
    TooLong,
    /// Damaged.
    Frame(FrameError),
    /// The Llama 3 tokenizer is needed and not configured.
    NoLlama3,
}
