//! The flow without its step 4, for sessions, which secure frames with keys of their own.

use super::{Engine, OpenError, WrapError};
use crate::config::Tokenizer;
use crate::encode::{Algorithm, Planned};
use crate::frame::{self, Form, Parts};
use crate::secure::Secured;

impl Engine {
    /// Screens a payload and gives its M2M v1 frame, neither signed nor encrypted.
    pub(crate) fn frame_unsecured(&self, payload: &[u8]) -> Result<Vec<u8>, WrapError> {
        let scanned = self.screened(payload, Some(Algorithm::M2m))?;
        let encoded = self.codecs.encode(Planned::forced(scanned, Algorithm::M2m))?;
        match frame::write(Secured { encoded, seal: None }) {
            Some(written) => Ok(written.bytes.into_owned()),
            None => unreachable!("only a cipher has a limit"),
        }
    }

    /// Opens an M2M v1 frame that was authenticated by other means.
    pub(crate) fn open_unsecured(&self, frame: &[u8]) -> Result<Vec<u8>, OpenError> {
        let payload = match frame::read(Form::M2m, frame)? {
            Parts::Held(held) => self.codecs.decode(held)?.into_owned(),
            Parts::Sealed(sealed) => {
                return Err(OpenError::Secured { mode: sealed.mode.into() });
            }
        };
        self.judged(&payload)?;
        Ok(payload)
    }

    /// What peers are told: the longest payload in bytes, the tokenizer, and whether there is one of Llama 3.
    pub(crate) fn session_facts(&self) -> (usize, Tokenizer, bool) {
        let config = &self.config;
        (config.limits.inflated, config.tokenizer, config.llama3.is_some())
    }
}
