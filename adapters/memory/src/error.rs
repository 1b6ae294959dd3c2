//! What can go wrong on the bus, one type for each operation.

use m2m_engine::bus::Envelope;
use m2m_engine::error::{Classify, Transience};
use m2m_engine::{OpenError, WrapError};

use crate::Message;

/// Why a name is no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// It is empty, or two of its dots follow each other or stand at an end.
    #[error("a subject has no empty token")]
    EmptyToken,
    /// It holds white space or a control character.
    #[error("a subject has no white space and no control characters")]
    Character,
    /// A wildcard where a message is to go to one subject.
    #[error("a message goes to one subject: `*` and `>` are for subscribing")]
    Wildcard,
    /// `>` before the end.
    #[error("`>` stands for all that follows and comes last")]
    WildcardNotLast,
}

impl Classify for SubjectError {
    fn transience(&self) -> Transience {
        match self {
            Self::EmptyToken | Self::Character | Self::Wildcard | Self::WildcardNotLast => {
                Transience::Permanent
            }
        }
    }
}

/// Why the bus did not take a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The subject cannot be.
    #[error("the message cannot go to {subject:?}")]
    Subject {
        /// What it was to be.
        subject: String,
        /// What is wrong with it.
        source: SubjectError,
    },
    /// It is longer than [`crate::BusConfig::max_payload`].
    #[error("the message has {len} bytes; the limit is {limit} (max_payload)")]
    TooLarge {
        /// Its length, as it would be on the bus.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// [`crate::Bus::close`] was called.
    #[error("the bus is closed")]
    Closed,
}

impl Classify for Refused {
    fn transience(&self) -> Transience {
        match self {
            Self::Subject { .. } | Self::TooLarge { .. } | Self::Closed => Transience::Permanent,
        }
    }
}

/// A message that the bus did not take, and why.
#[derive(Debug, thiserror::Error)]
#[error("the bus did not take the message")]
pub struct Unsent {
    /// The message as it was given.
    pub envelope: Box<Envelope>,
    /// Why.
    pub source: Refused,
}

impl Unsent {
    pub(crate) fn new(envelope: Envelope, source: Refused) -> Self {
        Self { envelope: Box::new(envelope), source }
    }
}

impl Classify for Unsent {
    fn transience(&self) -> Transience {
        let Self { source, envelope: _ } = self;
        source.transience()
    }
}

/// Why [`crate::Client`] did not publish a message, and the message, its payload as it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The engine did not wrap it.
    #[error("the payload was not wrapped")]
    Wrap {
        /// Why.
        source: WrapError,
        /// The message.
        envelope: Box<Envelope>,
    },
    /// The bus did not take it.
    #[error("the bus did not take the message")]
    Refused {
        /// Why.
        source: Refused,
        /// The message.
        envelope: Box<Envelope>,
    },
}

impl PublishError {
    /// The message, its payload as it was given.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        match self {
            Self::Wrap { envelope, .. } | Self::Refused { envelope, .. } => *envelope,
        }
    }
}

impl Classify for PublishError {
    fn transience(&self) -> Transience {
        match self {
            Self::Wrap { source, .. } => source.transience(),
            Self::Refused { source, .. } => source.transience(),
        }
    }
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The subject cannot be.
    #[error("{subject:?} cannot be subscribed to")]
    Subject {
        /// What it was to be.
        subject: String,
        /// What is wrong with it.
        source: SubjectError,
    },
    /// [`crate::Bus::close`] was called.
    #[error("the bus is closed")]
    Closed,
}

impl Classify for SubscribeError {
    fn transience(&self) -> Transience {
        match self {
            Self::Subject { .. } | Self::Closed => Transience::Permanent,
        }
    }
}

/// Why a message could not be settled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// Its consumer is gone, or its group or the bus: the message went back to its group.
    #[error("the message is no longer this consumer's")]
    Stale,
}

impl Classify for SettleError {
    fn transience(&self) -> Transience {
        match self {
            Self::Stale => Transience::Permanent,
        }
    }
}

/// Why a [`crate::link::MemorySource`] gives no more.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The bus is closed and everything was taken, or the group was deleted.
    #[error("the bus is closed, or the group deleted, and nothing is left")]
    Closed,
}

impl Classify for RecvError {
    fn transience(&self) -> Transience {
        match self {
            Self::Closed => Transience::Permanent,
        }
    }
}

/// Why a [`crate::link::MemorySink`] did not send.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The bus did not take it.
    #[error("the bus did not take the message")]
    Refused(#[from] Refused),
    /// Nobody has ever subscribed to the subject: the message would be gone.
    #[error("no group receives from {subject:?}")]
    NoGroup {
        /// The subject.
        subject: String,
    },
}

impl Classify for SendError {
    fn transience(&self) -> Transience {
        match self {
            Self::Refused(source) => source.transience(),
            Self::NoGroup { .. } => Transience::Permanent,
        }
    }
}

/// A message that begins as a frame does and could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("a message on {:?} could not be opened", message.envelope.address.name)]
pub struct OpenFailure {
    /// The message as it came, to be acknowledged, refused or sent elsewhere.
    pub message: Box<Message>,
    /// Why.
    pub source: OpenError,
}

impl Classify for OpenFailure {
    fn transience(&self) -> Transience {
        let Self { source, message: _ } = self;
        source.transience()
    }
}
