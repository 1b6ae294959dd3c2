//! Token-native in its binary form: one byte for the tokenizer, then the token ids. Nothing tells it from other bytes, so it is opened
//! only where it is named, and never put on a bus.

use std::borrow::Cow;

use super::{Engine, OpenError, Outbound, WrapError};
use crate::config::Tokenizer;
use crate::encode::{Algorithm, Coding, Content, Planned};
use crate::frame::{Form, FrameError, Held};

/// The first byte of the binary form.
fn number(tokenizer: Tokenizer) -> u8 {
    match tokenizer {
        Tokenizer::Cl100k => 0,
        Tokenizer::O200k => 1,
        Tokenizer::Llama3 => 2,
    }
}

impl Engine {
    /// Screens a payload and gives its token-native binary form, by the configured tokenizer; `None` where it has none, because it is
    /// not UTF-8 or the tokenizer cannot take it.
    ///
    /// # Errors
    /// As [`Engine::wrap`].
    pub fn wrap_token_ids(
        &self,
        payload: &[u8],
        _outbound: &Outbound<'_>,
    ) -> Result<Option<Vec<u8>>, WrapError> {
        if let Some(guard) = &self.guard {
            guard.admit_unsecured(Algorithm::TokenNative)?;
        }
        let scanned = self.screened(payload, Some(Algorithm::TokenNative))?;
        let encoded = self.codecs.encode(Planned::forced(scanned, Algorithm::TokenNative))?;
        let Content::TokenNative { tokenizer, ids } = encoded.content else {
            return Ok(None);
        };
        let (len, limit) = (ids.len() + 1, self.config.limits.frame);
        if len > limit {
            return Err(WrapError::FrameTooLong { len, limit });
        }
        let mut bytes = ids;
        bytes.insert(0, number(tokenizer));
        Ok(Some(bytes))
    }

    /// Opens the token-native binary form. It carries no checksum: other bytes give an error or some text.
    ///
    /// # Errors
    /// When the first byte names no tokenizer, an id is unknown or cut short, or a limit is passed.
    pub fn open_token_ids(&self, message: &[u8]) -> Result<Vec<u8>, OpenError> {
        if let Some(guard) = &self.guard {
            guard.admit_form(Form::TokenNative)?;
        }
        let (len, limit) = (message.len(), self.config.limits.frame);
        if len > limit {
            return Err(OpenError::FrameTooLong { len, limit });
        }
        let (first, ids) =
            message.split_first().ok_or(FrameError::Truncated { part: "tokenizer" })?;
        let tokenizer = [Tokenizer::Cl100k, Tokenizer::O200k, Tokenizer::Llama3]
            .into_iter()
            .find(|tokenizer| number(*tokenizer) == *first)
            .ok_or(FrameError::Tokenizer)?;
        let held =
            Held { coding: Coding::TokenIds(tokenizer), crc32: None, body: Cow::Borrowed(ids) };
        let payload = self.codecs.decode(held)?;
        self.judged(&payload)?;
        Ok(payload.into_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

    use crate::{Config, Engine, Limits, OpenError, Outbound, Tokenizer, WrapError};

    fn engine(tokenizer: Tokenizer, limits: Limits) -> Engine {
        Engine::new(Config { tokenizer, limits, ..Config::default() }).unwrap()
    }

    fn wrap(engine: &Engine, payload: &[u8]) -> Result<Option<Vec<u8>>, WrapError> {
        engine.wrap_token_ids(payload, &Outbound::default())
    }

    #[test]
    fn what_is_wrapped_opens_whatever_the_opener_would_write() {
        let c = engine(Tokenizer::Cl100k, Limits::default());
        let o = engine(Tokenizer::O200k, Limits::default());
        for text in ["", "Hello, world", "<|endoftext|> und Grüße 😀\r\n\0"] {
            for (writer, first) in [(&c, 0), (&o, 1)] {
                let bytes = wrap(writer, text.as_bytes()).unwrap().unwrap();
                assert_eq!(bytes[0], first);
                assert_eq!(c.open_token_ids(&bytes).unwrap(), text.as_bytes());
            }
        }
    }

    #[test]
    fn bytes_that_are_not_text_have_no_such_form() {
        let engine = engine(Tokenizer::Cl100k, Limits::default());
        assert!(wrap(&engine, b"\xff\xfe").unwrap().is_none());
    }

    #[test]
    fn what_is_damaged_over_the_limits_or_of_an_unconfigured_tokenizer_is_refused() {
        let limits = Limits { frame: 64, inflated: 64, ..Limits::default() };
        let c = engine(Tokenizer::Cl100k, limits);
        let l = engine(Tokenizer::Llama3, limits);
        assert!(matches!(c.open_token_ids(&[]), Err(OpenError::Frame(_))));
        assert!(matches!(c.open_token_ids(&[3, 1]), Err(OpenError::Frame(_))));
        assert!(matches!(c.open_token_ids(&[0, 0x80]), Err(OpenError::Frame(_))));
        assert!(matches!(c.open_token_ids(&[2, 1]), Err(OpenError::NoLlama3Tokenizer)));
        assert!(matches!(wrap(&l, b"a"), Err(WrapError::NoLlama3Tokenizer)));
        assert!(matches!(c.open_token_ids(&[0; 65]), Err(OpenError::FrameTooLong { len: 65, .. })));
        assert!(matches!(wrap(&c, &[b'a'; 65]), Err(WrapError::PayloadTooLong { len: 65, .. })));
        // 64 control characters, a token each, and the byte before them.
        let ids = wrap(&c, &[1; 64]);
        assert!(matches!(ids, Err(WrapError::FrameTooLong { .. })), "{ids:?}");
        let words = wrap(&engine(Tokenizer::Cl100k, Limits::default()), &b" hello".repeat(11));
        let opened = c.open_token_ids(&words.unwrap().unwrap());
        assert!(matches!(opened, Err(OpenError::PayloadTooLong { limit: 64 })));
    }
}
