//! What goes into the flow and what comes out of it.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;

use crate::config::Tokenizer;
use crate::encode::Algorithm;
use crate::frame::{Form, Security};
use crate::scan::{Outcome, Verdict};

/// What is known of a message on its way out, beside its payload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outbound<'a> {
    /// Subject, topic, or exchange and routing key joined by a slash.
    pub destination: &'a str,
    /// The Kafka message key, if it has one.
    pub key: Option<&'a [u8]>,
    /// When it is sent, if anybody is to know.
    pub time: Option<SystemTime>,
    /// An algorithm to use whatever the chooser says. `Some(Stored)` sends the payload exactly as it is, even where it begins as a
    /// frame does: for a receiver that does not read frames.
    pub algorithm: Option<Algorithm>,
    /// The tokenizer of a forced token-native form, where it is another than the configured one.
    pub tokenizer: Option<Tokenizer>,
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
    /// The Kafka message key, if it has one.
    pub key: Option<&'a [u8]>,
    /// When it arrived, if that matters.
    pub time: Option<SystemTime>,
    /// The broker's own identity of the message, unchanged on redelivery: stream and sequence, or topic, partition and offset.
    pub identity: Option<&'a str>,
    /// Whether the broker says that it has delivered this message before.
    pub redelivered: bool,
    /// Whether it was not delivered, but looked up in a broker's storage, as often as one likes: then neither its age nor whether it came
    /// before counts, and it is not remembered.
    pub stored: bool,
    /// The transport headers for which [`crate::bus::headers::is_engines`] holds, in any order.
    pub headers: &'a [(&'a str, &'a str)],
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
    /// What the screening says of it. A flagged message's verdict is among the headers.
    pub verdict: Verdict,
}

impl<'a> Wrapped<'a> {
    pub(super) fn untouched(payload: &'a [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(payload),
            algorithm: Algorithm::Stored,
            headers: Vec::new(),
            verdict: Verdict::default(),
        }
    }

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
    /// How it was secured, the tag checked with a key that the engine has.
    pub security: Security,
    /// What our own screening says of it, if incoming messages are screened ([`crate::scan::ScanConfig::inbound`]). What its sender said
    /// ([`crate::bus::headers::THREAT`]) is no part of it.
    pub verdict: Verdict,
}

impl<'a> Opened<'a> {
    pub(super) fn plain(message: &'a [u8]) -> Self {
        Self {
            payload: Cow::Borrowed(message),
            form: Form::Plain,
            security: Security::None,
            verdict: Verdict::default(),
        }
    }

    /// Whether the payload came in a frame.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        self.form != Form::Plain
    }

    /// Whether the message is what it was: it came plain, and our screening has nothing to say of it.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        !self.is_framed() && self.verdict.outcome != Outcome::Flagged
    }

    /// The payload, without a copy where it is part of the message that was opened.
    #[must_use]
    pub fn into_bytes(self, message: &Bytes) -> Bytes {
        shared(self.payload, message)
    }
}

/// Whether `part` lies within `whole`, without which `slice_ref` panics.
fn holds(whole: &Bytes, part: &[u8]) -> bool {
    let (outer, inner) = (whole.as_ptr_range(), part.as_ptr_range());
    outer.start <= inner.start && inner.end <= outer.end
}

fn shared(part: Cow<'_, [u8]>, whole: &Bytes) -> Bytes {
    match part {
        Cow::Borrowed(part) if std::ptr::eq(part, &**whole) => whole.clone(),
        Cow::Borrowed(part) if holds(whole, part) => whole.slice_ref(part),
        // Handed another copy of the message than the one that it was borrowed from.
        Cow::Borrowed(part) => Bytes::copy_from_slice(part),
        Cow::Owned(bytes) => bytes.into(),
    }
}
