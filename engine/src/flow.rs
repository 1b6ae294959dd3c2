//! The whole journey of a message: [`Engine::wrap`] on its way out, [`Engine::open`] on its way in.
//!
//! ```text
//! wrap: payload -> scan -> Scanned -> choose -> Planned -> encode -> Encoded -> frame -> bytes
//! open: bytes -> frame -> decode (the only place that inflates, capped) -> payload
//! ```

mod error;
mod message;
mod token_ids;
mod unsecured;

use std::borrow::Cow;

pub use error::{OpenError, WrapError};
pub use message::{Inbound, Opened, Outbound, Wrapped};

use crate::choose::{Choose, PayloadFacts, Rules};
use crate::config::{Config, ConfigError, Framing};
use crate::encode::{Algorithm, Codecs, Planned};
use crate::frame::{self, Form};
use crate::json;
use crate::scan::{self, Outcome, Scan, Scanned, Screen, Verdict};

/// Wraps payloads into frames and opens frames. Made once, shared by reference; it holds no state of any message.
pub struct Engine {
    config: Config,
    facts: json::Facts,
    codecs: Codecs,
    chooser: Box<dyn Choose>,
    screen: Screen,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("screen", &self.screen).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine with the rule-based chooser and the built-in scanner.
    ///
    /// # Errors
    /// When the configuration is out of range or cannot be read.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            facts: json::Facts::new(&config)?,
            codecs: Codecs::new(&config)?,
            chooser: Box::new(Rules),
            screen: Screen::new(&config, Box::new(scan::NoRules))?,
            config,
        })
    }

    /// The same engine with another chooser.
    #[must_use]
    pub fn with_chooser(mut self, chooser: impl Choose + 'static) -> Self {
        self.chooser = Box::new(chooser);
        self
    }

    /// The same engine with another scanner; what becomes of its findings is configured as before.
    #[must_use]
    pub fn with_scanner(mut self, scanner: impl Scan + 'static) -> Self {
        self.screen.with_scanner(Box::new(scanner));
        self
    }

    /// Screens a payload and puts it into a frame where that pays.
    ///
    /// Without a forced algorithm the result is never longer than the payload by more than a header that the configuration asks for, and
    /// `open(wrap(x))` is `x` for every `x` unless [`Framing::Off`] is configured.
    ///
    /// # Errors
    /// Only for a payload over the size limits, one that the policy blocks, or a forced algorithm that is not configured.
    pub fn wrap<'a>(
        &self,
        payload: &'a [u8],
        outbound: &Outbound<'_>,
    ) -> Result<Wrapped<'a>, WrapError> {
        let scanned = self.screened(payload, outbound.algorithm)?;
        let planned = self.plan(scanned, outbound);
        let encoded = self.codecs.encode(planned)?;
        let wrapped = frame::write(encoded);
        let (len, limit) = (wrapped.bytes.len(), self.config.limits.frame);
        if wrapped.is_framed() && len > limit {
            return Err(WrapError::FrameTooLong { len, limit });
        }
        Ok(wrapped)
    }

    /// What goes with a null payload (a tombstone), which has no bytes to wrap: the transport headers to send with it.
    ///
    /// # Errors
    /// As [`Engine::wrap`].
    pub fn wrap_null(
        &self,
        _outbound: &Outbound<'_>,
    ) -> Result<Vec<(&'static str, String)>, WrapError> {
        Ok(Vec::new())
    }

    /// Judges a null payload (a tombstone) by what came with it.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_null(&self, _inbound: &Inbound<'_>) -> Result<(), OpenError> {
        Ok(())
    }

    fn screened<'a>(
        &self,
        payload: &'a [u8],
        forced: Option<Algorithm>,
    ) -> Result<Scanned<'a>, WrapError> {
        let limit = self.config.limits.inflated;
        if payload.len() > limit {
            return Err(WrapError::PayloadTooLong { len: payload.len(), limit });
        }
        let as_it_is = match forced {
            Some(algorithm) => algorithm == Algorithm::Stored,
            None => self.config.framing == Framing::Off,
        };
        self.screen
            .screen((!as_it_is).then_some(&self.facts), payload)
            .map_err(|verdict| WrapError::Blocked { findings: error::told(verdict) })
    }

    fn plan<'a>(&self, scanned: Scanned<'a>, outbound: &Outbound<'_>) -> Planned<'a> {
        if let Some(algorithm) = outbound.algorithm {
            return Planned::forced(scanned, algorithm).by(outbound.tokenizer);
        }
        let payload = scanned.payload();
        match self.config.framing {
            Framing::Off => Planned::forced(scanned, Algorithm::Stored),
            Framing::Always if scanned.is_json() => Planned::forced(scanned, Algorithm::M2m),
            _ if Form::of(payload) != Form::Plain => Planned::forced(scanned, Algorithm::M2m),
            Framing::Auto | Framing::Always => {
                let facts = PayloadFacts::new(payload, scanned.is_json());
                let algorithm = self.chooser.choose(&facts);
                Planned::if_smaller(scanned, algorithm)
            }
        }
    }

    /// Opens whatever arrived: frames of every form by their prefix; anything else is a plain payload and comes back as it is.
    ///
    /// # Errors
    /// When it begins as a frame does and cannot be opened within the limits.
    pub fn open<'a>(
        &self,
        message: &'a [u8],
        _inbound: &Inbound<'_>,
    ) -> Result<Opened<'a>, OpenError> {
        let form = Form::of(message);
        if form == Form::Plain {
            return self.opened(Cow::Borrowed(message), form);
        }
        let (len, limit) = (message.len(), self.config.limits.frame);
        if len > limit {
            return Err(OpenError::FrameTooLong { len, limit });
        }
        let held = frame::read(form, message)?;
        let payload = self.codecs.decode(held)?;
        self.opened(payload, form)
    }

    fn opened<'a>(&self, payload: Cow<'a, [u8]>, form: Form) -> Result<Opened<'a>, OpenError> {
        let verdict = self.judged(&payload)?;
        Ok(Opened { payload, form, verdict })
    }

    /// The verdict on what has been opened, if that is to be screened.
    fn judged(&self, payload: &[u8]) -> Result<Verdict, OpenError> {
        if !self.config.scan.inbound {
            return Ok(Verdict::default());
        }
        match self.screen.judge(payload) {
            verdict if verdict.outcome == Outcome::Blocked => {
                Err(OpenError::Blocked { findings: error::told(verdict) })
            }
            verdict => Ok(verdict),
        }
    }

    /// What the screening says of a payload, without wrapping it.
    #[must_use]
    pub fn judge(&self, payload: &[u8]) -> Verdict {
        self.screen.judge(payload)
    }
}
