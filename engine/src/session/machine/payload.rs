//! Payloads into DATA messages, and out of them.

use super::{Machine, SessionError};
use crate::flow::{Inbound, Outbound};
use crate::frame::{self, Form};
use crate::session::capabilities::{Agreed, Algorithm};
use crate::session::message::Data;
use crate::session::seal;
use crate::session::state::Kind;

impl Machine {
    pub(super) fn data(&mut self, payload: &[u8]) -> Result<Data<'static>, SessionError> {
        let unagreed = SessionError::NotText;
        let (Some(peer), Some(agreed)) = (&self.peer, self.agreed) else { return Err(unagreed) };
        let limit = peer.compression.max_payload;
        let len = payload.len();
        if limit > 0 && u64::try_from(len).unwrap_or(u64::MAX) > limit {
            return Err(SessionError::PeerLimit { len, limit });
        }
        if self.keys.is_some() {
            return self.sealed(payload);
        }
        let reads = |algorithm| peer.compression.algorithms.contains(&algorithm);
        let Agreed { mut algorithm, encoding } = agreed;
        if algorithm == Algorithm::None {
            // Others look at how a text begins, whatever they are told of it.
            let is_text = Form::of(payload) == Form::Plain && std::str::from_utf8(payload).is_ok();
            if !is_text {
                algorithm = Algorithm::M2m;
            }
        }
        let outbound = Outbound {
            algorithm: algorithm.of_engine(),
            tokenizer: encoding.tokenizer(),
            ..Outbound::default()
        };
        let wrapped = self.engine.wrap(payload, &outbound).map_err(SessionError::Wrap)?;
        let algorithm = Algorithm::from(wrapped.algorithm);
        if !reads(algorithm) {
            // Bytes that are no text have one form.
            return Err(SessionError::NotText);
        }
        Ok(data(algorithm, text(&wrapped.bytes)))
    }

    fn sealed(&mut self, payload: &[u8]) -> Result<Data<'static>, SessionError> {
        let frame = self.engine.frame_unsecured(payload).map_err(SessionError::Wrap)?;
        let Some(keys) = &mut self.keys else { return Err(SessionError::NotText) };
        let counter = keys.next();
        let sealed = seal::seal(&frame, &keys.sealing(counter))?;
        Ok(Data { counter: Some(counter), ..data(Algorithm::M2m, text(&sealed)) })
    }

    pub(super) fn opened(&mut self, data: &Data<'_>) -> Result<Vec<u8>, SessionError> {
        let Data { algorithm, content, counter, .. } = data;
        let content = content.as_bytes();
        let wrong = SessionError::Algorithm { algorithm: *algorithm };
        if let Some(keys) = &mut self.keys {
            let unauthentic = SessionError::NotAuthentic { kind: Kind::Data };
            let (counter, key) = keys.opening(*counter)?;
            if *algorithm != Algorithm::M2m || Form::of(content) != Form::M2mText {
                return Err(unauthentic);
            }
            let Some(frame) = seal::unseal(content, &key) else {
                return Err(unauthentic);
            };
            keys.note(counter);
            return self.engine.open_unsecured(&frame).map_err(SessionError::Open);
        }
        if !self.settings.algorithms.contains(algorithm) {
            return Err(wrong);
        }
        match (algorithm, Form::of(content)) {
            (Algorithm::None, Form::Plain)
            | (Algorithm::M2m, Form::M2mText)
            | (Algorithm::TokenNative, Form::TokenNative)
            | (Algorithm::Brotli, Form::Brotli) => {}
            (
                Algorithm::M2m
                | Algorithm::TokenNative
                | Algorithm::Brotli
                | Algorithm::None
                | Algorithm::Other,
                _,
            ) => return Err(wrong),
        }
        let opened = self.engine.open(content, &Inbound::default());
        Ok(opened.map_err(SessionError::Open)?.payload.into_owned())
    }
}

fn data(algorithm: Algorithm, content: String) -> Data<'static> {
    Data { algorithm, content: content.into(), original_size: None, counter: None }
}

/// The text form of what was wrapped.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&frame::to_text(bytes)).into_owned()
}
