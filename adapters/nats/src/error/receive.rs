use std::fmt;

use async_nats::jetstream::{self, consumer};
use m2m_engine::error::{Classify, Transience};
use m2m_engine::flow::OpenError;

/// A message that arrived and cannot be opened. It is still here, so that it can be looked at, acknowledged or dead-lettered.
#[non_exhaustive]
pub struct OpenFailure<M> {
    /// The message as it came, still framed.
    pub message: M,
    /// Why it was not opened.
    pub source: OpenError,
}

impl<M> OpenFailure<M> {
    pub(crate) fn new(message: M, source: OpenError) -> Self {
        Self { message, source }
    }
}

impl<M> fmt::Debug for OpenFailure<M> {
    // Without the message: payloads do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFailure").field("source", &self.source).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for OpenFailure<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message cannot be opened")
    }
}

impl<M> std::error::Error for OpenFailure<M> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl<M> Classify for OpenFailure<M> {
    fn transience(&self) -> Transience {
        self.source.transience()
    }
}

/// What a JetStream consumer can yield instead of a message. Only [`ReceiveError::Open`] is about a message; the others are the
/// client's own, as the bare consumer yields them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A message came and cannot be opened; it is inside, and can be acknowledged.
    #[error("the message cannot be opened")]
    Open(#[source] Box<OpenFailure<jetstream::Message>>),
    /// From a pull consumer.
    #[error("the pull consumer failed")]
    Pull(#[source] consumer::pull::MessagesError),
    /// From a push consumer.
    #[error("the push consumer failed")]
    Push(#[source] consumer::push::MessagesError),
    /// From an ordered pull consumer.
    #[error("the ordered pull consumer failed")]
    OrderedPull(#[source] consumer::pull::OrderedError),
    /// From an ordered push consumer.
    #[error("the ordered push consumer failed")]
    OrderedPush(#[source] consumer::push::OrderedError),
    /// From a batch.
    #[error("the batch failed")]
    Batch(#[source] async_nats::Error),
}

impl Classify for ReceiveError {
    fn transience(&self) -> Transience {
        match self {
            Self::Open(failure) => failure.transience(),
            Self::Pull(error) => of_pulling(error.kind()),
            // Their kinds are about lost connections and heartbeats, or unknown.
            Self::Push(_) | Self::OrderedPull(_) | Self::OrderedPush(_) | Self::Batch(_) => {
                Transience::Transient
            }
        }
    }
}

pub(crate) fn of_pulling(kind: consumer::pull::MessagesErrorKind) -> Transience {
    use consumer::pull::MessagesErrorKind as Kind;
    match kind {
        Kind::PushBasedConsumer | Kind::RequestLimitExceeded => Transience::Permanent,
        Kind::MissingHeartbeat
        | Kind::ConsumerDeleted
        | Kind::Pull
        | Kind::NoResponders
        | Kind::Other => Transience::Transient,
    }
}

impl From<consumer::pull::MessagesError> for ReceiveError {
    fn from(error: consumer::pull::MessagesError) -> Self {
        Self::Pull(error)
    }
}

impl From<consumer::push::MessagesError> for ReceiveError {
    fn from(error: consumer::push::MessagesError) -> Self {
        Self::Push(error)
    }
}

impl From<consumer::pull::OrderedError> for ReceiveError {
    fn from(error: consumer::pull::OrderedError) -> Self {
        Self::OrderedPull(error)
    }
}

impl From<consumer::push::OrderedError> for ReceiveError {
    fn from(error: consumer::push::OrderedError) -> Self {
        Self::OrderedPush(error)
    }
}

impl From<async_nats::Error> for ReceiveError {
    fn from(error: async_nats::Error) -> Self {
        Self::Batch(error)
    }
}
