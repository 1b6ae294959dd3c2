//! Brotli (RFC 7932), window 22 as the reference implementation has it.

mod memory;

use std::fmt;
use std::io::{Read, Write as _};
use std::sync::{Mutex, PoisonError};

use ::brotli::enc::encode::{
    BrotliEncoderDestroyInstance, BrotliEncoderOperation, BrotliEncoderStateStruct,
};
use ::brotli::enc::{BrotliEncoderMaxCompressedSize, BrotliEncoderParams};

use memory::Memory;

use super::DecodeError;
use crate::config::Level;
use crate::frame::FrameError;

/// Brotli's quality, 0 to 11.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quality(i32);

impl From<Level> for Quality {
    fn from(level: Level) -> Self {
        Self(match level {
            Level::Fast => 2,
            Level::Balanced => 5,
            Level::Small => 9,
        })
    }
}

impl Quality {
    fn params(self, payload: &[u8]) -> BrotliEncoderParams {
        BrotliEncoderParams {
            quality: self.0,
            lgwin: 22,
            size_hint: payload.len(),
            ..BrotliEncoderParams::default()
        }
    }
}

/// Compresses; keeps the memory that it needs for it.
pub(super) struct Encoder {
    quality: Quality,
    /// As many as have ever compressed at the same time.
    idle: Mutex<Vec<Memory>>,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("quality", &self.quality).finish_non_exhaustive()
    }
}

impl Encoder {
    pub(super) fn new(quality: Quality) -> Self {
        Self { quality, idle: Mutex::default() }
    }

    pub(super) fn quality(&self) -> Quality {
        self.quality
    }

    /// `None` when the encoder gives up, which it has no cause to.
    pub(super) fn compress(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = BrotliEncoderStateStruct::new(idle().pop().unwrap_or_else(memory::fresh));
        state.params = self.quality.params(payload);
        let mut out = vec![0; BrotliEncoderMaxCompressedSize(payload.len())];
        let (mut unread, mut free, mut written) = (payload.len(), out.len(), 0);
        // All at once: from a stream it would first make room for a whole window, 8 MiB.
        let done = state.compress_stream(
            BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
            &mut unread,
            payload,
            &mut 0,
            &mut free,
            &mut out,
            &mut written,
            &mut None,
            &mut |_, _, _, _| (),
        );
        let done = done && state.is_finished();
        BrotliEncoderDestroyInstance(&mut state);
        idle().push(state.m8);
        out.truncate(written);
        done.then_some(out)
    }
}

/// A stream that ends at a byte, without the block that ends it, so that more can be added.
pub(super) fn compress_unended(payload: &[u8], quality: Quality) -> Option<Vec<u8>> {
    let params = quality.params(payload);
    let mut writer = ::brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    writer.write_all(payload).and_then(|()| writer.flush()).ok()?;
    // What the writer still writes when it is dropped is the block that ends the stream.
    Some(std::mem::take(writer.get_mut())).filter(|stream| !stream.is_empty())
}

/// Inflates at most `limit` bytes, whatever the data claims; memory grows with what comes out, not with what is announced.
#[expect(clippy::disallowed_types, reason = "this is the one capped place")]
pub(super) fn decompress(data: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let buffer = data.len().clamp(64, 4096);
    let mut out = Vec::with_capacity(data.len().saturating_mul(4).min(limit));
    let cap = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    ::brotli::Decompressor::new(data, buffer)
        .take(cap)
        .read_to_end(&mut out)
        .map_err(|_| DecodeError::Frame(FrameError::Brotli))?;
    if out.len() > limit { Err(DecodeError::TooLong) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use proptest::prelude::*;

    use super::*;

    /// Bytes in which there is something to match, of lengths around those at which the encoder takes other tables.
    fn payload() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "role",
            "content",
            "\\n",
            "\"},{\"",
            "the ",
            "a",
            "\u{e9}",
            "0123456789",
        ]);
        let text =
            prop::collection::vec(words, 0..400).prop_map(|words| words.concat().into_bytes());
        (text, prop::collection::vec(any::<u8>(), 0..200), 1_usize..200)
            .prop_map(|(text, noise, times)| [text, noise].concat().repeat(times))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// What was compressed before leaves nothing behind: a new encoder writes the same bytes.
        #[test]
        fn kept_memory_changes_nothing(payloads in prop::collection::vec(payload(), 1..6)) {
            for level in [Level::Fast, Level::Balanced, Level::Small] {
                let kept = Encoder::new(level.into());
                for payload in &payloads {
                    let compressed = kept.compress(payload).unwrap();
                    prop_assert_eq!(&compressed, &Encoder::new(level.into()).compress(payload).unwrap());
                    prop_assert_eq!(&decompress(&compressed, payload.len()).unwrap(), payload);
                }
            }
        }
    }
}
