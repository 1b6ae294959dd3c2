use std::fmt;

use lapin::message::{BasicGetMessage, Delivery};
use m2m_engine::error::{Classify, Transience};
use m2m_engine::flow::OpenError;

use super::reply_code;

/// A message that arrived and cannot be opened. It is still here, so that it can be looked at, acknowledged or rejected
/// (dead-lettered).
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

/// What a consumer can yield instead of a message. Only [`ReceiveError::Open`] is about a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A message came and cannot be opened; it is inside, and can be acknowledged or rejected.
    #[error(transparent)]
    Open(Box<OpenFailure<Delivery>>),
    /// The broker cancelled the consumer: its queue was deleted or moved. To go on, consume again; the channel is still good.
    #[error("the broker cancelled the consumer {consumer_tag:?} of the queue {queue:?}")]
    Cancelled {
        /// The queue.
        queue: String,
        /// The consumer.
        consumer_tag: String,
    },
    /// The channel or the connection is gone.
    #[error("the channel failed under its consumer")]
    Amqp(#[from] lapin::Error),
}

impl Classify for ReceiveError {
    fn transience(&self) -> Transience {
        match self {
            Self::Open(failure) => failure.transience(),
            Self::Cancelled { .. } => Transience::Transient,
            Self::Amqp(error) => reply_code::transience(error),
        }
    }
}

/// Why `basic_get` gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// A message came and cannot be opened; it is inside, and can be acknowledged or rejected.
    #[error(transparent)]
    Open(Box<OpenFailure<BasicGetMessage>>),
    /// The broker refused it, or could not be reached.
    #[error("the broker did not give a message")]
    Amqp(#[from] lapin::Error),
}

impl Classify for GetError {
    fn transience(&self) -> Transience {
        match self {
            Self::Open(failure) => failure.transience(),
            Self::Amqp(error) => reply_code::transience(error),
        }
    }
}
