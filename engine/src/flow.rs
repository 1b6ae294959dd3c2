//! The whole journey of a message: [`Engine::wrap`] on its way out, [`Engine::open`] on its way in.
//!
//! ```text
//! wrap: payload -> scan -> Scanned -> choose -> Planned -> encode -> Encoded -> frame -> bytes
//! open: bytes -> frame -> decode (the only place that inflates, capped) -> payload
//! ```

mod token_ids;

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;

use crate::choose::{Choose, PayloadFacts, Rules};
use crate::config::{Config, ConfigError, Framing};
use crate::encode::{Algorithm, Codecs, Planned};
use crate::error::{Classify, Transience};
use crate::frame::{self, Form, FrameError};
use crate::json;
use crate::scan::{self, Finding, Screening};

/// What is known of a message on its way out, beside its payload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outbound<'a> {
    /// Subject, topic, or exchange and routing key joined by a slash.
    pub destination: &'a str,
    /// When it is sent, if anybody is to know.
    pub time: Option<SystemTime>,
    /// An algorithm to use whatever the chooser says. `Some(Stored)` sends the payload exactly as it is, even where it begins as a
    /// frame does: for a receiver that does not read frames.
    pub algorithm: Option<Algorithm>,
}

impl<'a> Outbound<'a> {
    /// To a subject, topic or the like; everything else by default.
    #[must_use]
    pub fn to(destination: &'a str) -> Self {
        Self { destination, ..Self::default() }
    }
}

/// What is known of a message on its way in, beside its payload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inbound<'a> {
    /// Where it was found: subject, topic, or exchange and routing key joined by a slash.
    pub source: &'a str,
    /// When it arrived, if that matters.
    pub time: Option<SystemTime>,
    /// The broker's own identity of the message, unchanged on redelivery.
    pub identity: Option<&'a str>,
}

impl<'a> Inbound<'a> {
    /// From a subject, topic or the like; everything else by default.
    #[must_use]
    pub fn from(source: &'a str) -> Self {
        Self { source, ..Self::default() }
    }
}

/// A message ready to be sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct Wrapped<'a> {
    /// What goes on the wire: the payload itself (borrowed) or a frame (owned).
    pub bytes: Cow<'a, [u8]>,
    /// What was done to it. Anything but [`Algorithm::Stored`] is to be marked in the transport's content encoding
    /// ([`crate::bus::headers::encoding_marked`]).
    pub algorithm: Algorithm,
    /// Transport headers to send with it.
    pub headers: Vec<(&'static str, String)>,
    /// What the scanner found, if one is configured.
    pub findings: Vec<Finding>,
}

impl Wrapped<'_> {
    /// Whether the payload went into a frame.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        self.algorithm != Algorithm::Stored
    }

    /// The bytes to send, without a copy where they are the payload that was wrapped.
    #[must_use]
    pub fn into_bytes(self, payload: &Bytes) -> Bytes {
        shared(self.bytes, payload)
    }
}

/// A message that was opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened<'a> {
    /// The original payload: borrowed where it stood in the message as it is.
    pub payload: Cow<'a, [u8]>,
    /// What it came in. Anything but [`Form::Plain`] means that a mark in the content encoding is to be removed
    /// ([`crate::bus::headers::encoding_unmarked`]).
    pub form: Form,
}

impl Opened<'_> {
    /// Whether the payload came in a frame.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        self.form != Form::Plain
    }

    /// The payload, without a copy where it is part of the message that was opened.
    #[must_use]
    pub fn into_bytes(self, message: &Bytes) -> Bytes {
        shared(self.payload, message)
    }
}

fn shared(part: Cow<'_, [u8]>, whole: &Bytes) -> Bytes {
    match part {
        // `slice_ref` of an empty slice would be out of range.
        Cow::Borrowed([]) => Bytes::new(),
        Cow::Borrowed(part) => whole.slice_ref(part),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Why a payload was not wrapped. It is untouched, and may be sent otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// Longer than `limits.inflated`.
    #[error("the payload has {len} bytes; the limit is {limit} (limits.inflated)")]
    PayloadTooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Its frame is longer than `limits.frame`.
    #[error("the frame has {len} bytes; the limit is {limit} (limits.frame)")]
    FrameTooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// The scanner found what the policy blocks.
    #[error("blocked by the scanner: {}", names(.findings))]
    Blocked {
        /// All findings of the message.
        findings: Vec<Finding>,
    },
    /// Token-native with Llama 3 was asked for, and no tokenizer file was given.
    #[error("token-native L needs Llama 3's tokenizer.model, and none is configured (llama3)")]
    NoLlama3Tokenizer,
}

fn names(findings: &[Finding]) -> String {
    let names: Vec<String> = findings
        .iter()
        .map(|f| format!("{} at {}..{}", f.rule, f.range.start, f.range.end))
        .collect();
    names.join(", ")
}

impl Classify for WrapError {
    fn transience(&self) -> Transience {
        match self {
            Self::PayloadTooLong { .. }
            | Self::FrameTooLong { .. }
            | Self::Blocked { .. }
            | Self::NoLlama3Tokenizer => Transience::Permanent,
        }
    }
}

/// Why a message was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not a frame of the form that its prefix announces, or damaged.
    #[error("the frame cannot be read")]
    Frame(#[from] FrameError),
    /// It is signed or encrypted, and no key is configured.
    #[error("the frame is secured ({mode}), and no key is configured")]
    Secured {
        /// How it is secured.
        mode: frame::Security,
    },
    /// Longer than `limits.frame`.
    #[error("the frame has {len} bytes; the limit is {limit} (limits.frame)")]
    FrameTooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Its payload is longer than `limits.inflated`.
    #[error("the payload inflates to more than {limit} bytes (limits.inflated)")]
    PayloadTooLong {
        /// The limit.
        limit: usize,
    },
    /// Token-native with Llama 3, and no tokenizer file was given.
    #[error("token-native L needs Llama 3's tokenizer.model, and none is configured (llama3)")]
    NoLlama3Tokenizer,
}

impl Classify for OpenError {
    fn transience(&self) -> Transience {
        match self {
            Self::Frame(_)
            | Self::Secured { .. }
            | Self::FrameTooLong { .. }
            | Self::PayloadTooLong { .. }
            | Self::NoLlama3Tokenizer => Transience::Permanent,
        }
    }
}

/// Wraps payloads into frames and opens frames. Made once, shared by reference; it holds no state of any message.
pub struct Engine {
    config: Config,
    facts: json::Facts,
    codecs: Codecs,
    chooser: Box<dyn Choose>,
    screening: Screening,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("screening", &self.screening).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine with the rule-based chooser and no scanner.
    ///
    /// # Errors
    /// When the configuration is out of range or cannot be read.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            facts: json::Facts::new(&config)?,
            codecs: Codecs::new(&config)?,
            chooser: Box::new(Rules),
            screening: Screening::NoScanner,
            config,
        })
    }

    /// The same engine with another chooser.
    #[must_use]
    pub fn with_chooser(mut self, chooser: impl Choose + 'static) -> Self {
        self.chooser = Box::new(chooser);
        self
    }

    /// The same engine with messages screened on their way out.
    #[must_use]
    pub fn with_screening(mut self, screening: Screening) -> Self {
        self.screening = screening;
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
        let scanned = self.screened(payload, outbound)?;
        let planned = self.plan(scanned, outbound.algorithm);
        let encoded = self.codecs.encode(planned)?;
        let wrapped = frame::write(encoded);
        let (len, limit) = (wrapped.bytes.len(), self.config.limits.frame);
        if wrapped.is_framed() && len > limit {
            return Err(WrapError::FrameTooLong { len, limit });
        }
        Ok(wrapped)
    }

    fn screened<'a>(
        &self,
        payload: &'a [u8],
        outbound: &Outbound<'_>,
    ) -> Result<scan::Scanned<'a>, WrapError> {
        let limit = self.config.limits.inflated;
        if payload.len() > limit {
            return Err(WrapError::PayloadTooLong { len: payload.len(), limit });
        }
        scan::screen(&self.screening, &self.facts, payload, outbound)
            .map_err(|findings| WrapError::Blocked { findings })
    }

    fn plan<'a>(&self, scanned: scan::Scanned<'a>, forced: Option<Algorithm>) -> Planned<'a> {
        if let Some(algorithm) = forced {
            return Planned::forced(scanned, algorithm);
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
            return Ok(Opened { payload: Cow::Borrowed(message), form });
        }
        let (len, limit) = (message.len(), self.config.limits.frame);
        if len > limit {
            return Err(OpenError::FrameTooLong { len, limit });
        }
        let held = frame::read(form, message)?;
        let payload = self.codecs.decode(held)?;
        Ok(Opened { payload, form })
    }
}
