//! The whole journey of a message: [`Engine::wrap`] on its way out, [`Engine::open`] on its way in.
//!
//! ```text
//! wrap: payload -> scan -> Scanned -> choose -> Planned -> encode -> Encoded -> secure -> Secured -> frame -> bytes
//! open: bytes -> frame -> secure (the tag before all else) -> decode (the only place that inflates, capped) -> payload
//! ```

mod error;
mod message;
mod token_ids;
mod unsecured;

use std::borrow::Cow;
use std::sync::Arc;

pub use error::{OpenError, WrapError};
pub use message::{Inbound, Opened, Outbound, Wrapped};

use crate::choose::{Choose, PayloadFacts, Rules};
use crate::config::{Config, ConfigError, Framing};
use crate::encode::{Algorithm, Codecs, Planned};
use crate::frame::{self, Form, FrameError, Held, Parts, Security};
use crate::json;
use crate::scan::{Outcome, Scan, Scanned, Screen, Verdict};
use crate::secure::{Guard, Keyring, PolicyError, Secured};

/// Wraps payloads into frames and opens frames. Made once, shared by reference. Of messages it remembers nothing, but for what replay
/// protection has to: with that, each consumer that gets a copy of the same messages needs an engine of its own.
pub struct Engine {
    config: Config,
    facts: json::Facts,
    codecs: Codecs,
    chooser: Box<dyn Choose>,
    pub(crate) screen: Screen,
    guard: Option<Guard>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("screen", &self.screen)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
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
            screen: Screen::new(&config)?,
            guard: config.security.as_ref().map(Guard::new).transpose()?,
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
        self.screen.with_scanner(Arc::new(scanner));
        self
    }

    /// Replaces the keys while the engine is at work: give consumers the new key as a retired one, then producers as the active one with
    /// the old one retired, then take the old one away. No message is lost on the way.
    ///
    /// # Errors
    /// When the engine was made without keys, or the configuration asks of keys what these are not for.
    pub fn replace_keys(&self, keys: Keyring) -> Result<(), ConfigError> {
        self.guard.as_ref().ok_or(ConfigError::NoKeys)?.replace_keys(keys)
    }

    /// Whether nothing goes out or comes in unsecured ([`crate::secure::Policy::Require`]): then a reply has to be a frame too, whoever it
    /// is for.
    #[must_use]
    pub fn requires_security(&self) -> bool {
        self.guard.as_ref().is_some_and(Guard::requires)
    }

    /// Whether it was made with keys. Without, it asks of a message neither when it goes or comes, nor where, nor what else goes with it, so
    /// that adapters need not find it out.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.guard.is_some()
    }

    /// How many messages were refused because they came before ([`OpenError::Repeated`]).
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.guard.as_ref().map_or(0, Guard::repeated)
    }

    /// Screens a payload and puts it into a frame: with a key every payload, signed or encrypted; without one where that pays.
    ///
    /// Without a key and a forced algorithm the result is never longer than the payload by more than a header that the configuration asks
    /// for, and `open(wrap(x))` is `x` for every `x` unless [`Framing::Off`] is configured.
    ///
    /// # Errors
    /// Only for a payload over the size limits, one that the policy blocks, a forced algorithm that is not configured, or one that cannot
    /// be secured as it has to be.
    pub fn wrap<'a>(
        &self,
        payload: &'a [u8],
        outbound: &Outbound<'_>,
    ) -> Result<Wrapped<'a>, WrapError> {
        if self.leaves_alone(outbound.algorithm) {
            self.within_limit(payload)?;
            return Ok(Wrapped::untouched(payload));
        }
        let scanned = self.screened(payload, outbound.algorithm)?;
        let planned = self.plan(scanned, outbound);
        let encoded = self.codecs.encode(planned)?;
        let secured = match &self.guard {
            Some(guard) => guard.secure(encoded, outbound)?,
            None => Secured { encoded, seal: None },
        };
        let limit = self.config.limits.frame;
        let written = frame::write(secured);
        let wrapped = written.ok_or(WrapError::FrameTooLong { len: payload.len(), limit })?;
        let len = wrapped.bytes.len();
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
        outbound: &Outbound<'_>,
    ) -> Result<Vec<(&'static str, String)>, WrapError> {
        self.guard.as_ref().map_or(Ok(Vec::new()), |guard| guard.secure_null(outbound))
    }

    /// Judges a null payload (a tombstone) by what came with it.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_null(&self, inbound: &Inbound<'_>) -> Result<(), OpenError> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard.open_null(inbound))
    }

    fn screened<'a>(
        &self,
        payload: &'a [u8],
        forced: Option<Algorithm>,
    ) -> Result<Scanned<'a>, WrapError> {
        self.within_limit(payload)?;
        let facts = (!self.goes_as_it_is(forced)).then_some(&self.facts);
        self.screen
            .screen(facts, payload)
            .map_err(|verdict| WrapError::Blocked { findings: error::told(verdict) })
    }

    fn within_limit(&self, payload: &[u8]) -> Result<(), WrapError> {
        let (len, limit) = (payload.len(), self.config.limits.inflated);
        if len > limit { Err(WrapError::PayloadTooLong { len, limit }) } else { Ok(()) }
    }

    /// Whether no step does anything to a payload: the short way, for all the messages of those who have everything off.
    fn leaves_alone(&self, forced: Option<Algorithm>) -> bool {
        self.config.scan.danger.off && self.guard.is_none() && self.goes_as_it_is(forced)
    }

    /// Whether a payload is stored whatever it is, if nothing secures it.
    fn goes_as_it_is(&self, forced: Option<Algorithm>) -> bool {
        match forced {
            Some(algorithm) => algorithm == Algorithm::Stored,
            None => self.config.framing == Framing::Off,
        }
    }

    fn plan<'a>(&self, scanned: Scanned<'a>, outbound: &Outbound<'_>) -> Planned<'a> {
        if let Some(algorithm) = outbound.algorithm {
            return Planned::forced(scanned, algorithm).by(outbound.tokenizer);
        }
        let payload = scanned.payload();
        match self.config.framing {
            Framing::Off => Planned::forced(scanned, Algorithm::Stored),
            _ if self.guard.as_ref().is_some_and(Guard::secures) => {
                Planned::forced(scanned, Algorithm::M2m)
            }
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
    /// When it begins as a frame does and cannot be opened within the limits; with keys, when it is not as secure as it has to be, not
    /// authentic, or came before; when its screening blocks it.
    pub fn open<'a>(
        &self,
        message: &'a [u8],
        inbound: &Inbound<'_>,
    ) -> Result<Opened<'a>, OpenError> {
        let form = Form::of(message);
        if let Some(guard) = &self.guard {
            guard.admit_form(form)?;
        }
        if form == Form::Plain {
            return match self.config.scan.inbound {
                true => self.opened(Cow::Borrowed(message), form, Security::None),
                false => Ok(Opened::plain(message)),
            };
        }
        let (len, limit) = (message.len(), self.config.limits.frame);
        if len > limit {
            return Err(OpenError::FrameTooLong { len, limit });
        }
        let (held, security) = self.authenticated(frame::read(form, message), inbound)?;
        let payload = self.codecs.decode(held)?;
        self.opened(payload, form, security)
    }

    /// What a message holds, once it is known to be as secure as it has to be.
    fn authenticated<'a>(
        &self,
        parts: Result<Parts<'a>, FrameError>,
        inbound: &Inbound<'_>,
    ) -> Result<(Held<'a>, Security), OpenError> {
        match (parts, &self.guard) {
            (Ok(Parts::Sealed(sealed)), guard) => {
                let mode = sealed.mode.into();
                let guard = guard.as_ref().ok_or(OpenError::Secured { mode })?;
                Ok((guard.open(sealed, inbound)?, mode))
            }
            (Ok(Parts::Held(_)), Some(guard)) if guard.requires() => {
                Err(PolicyError::Unsigned.into())
            }
            (Ok(Parts::Held(held)), _) => Ok((held, Security::None)),
            // Damage and forgery look the same.
            (Err(_), Some(guard)) if guard.requires() => Err(OpenError::Authentication),
            (Err(error), _) => Err(error.into()),
        }
    }

    fn opened<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        form: Form,
        security: Security,
    ) -> Result<Opened<'a>, OpenError> {
        let verdict = self.judged(&payload)?;
        Ok(Opened { payload, form, security, verdict })
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
