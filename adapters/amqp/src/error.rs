//! What can go wrong. Each error of publishing gives back the payload as it was before framing.

mod connect;
mod publish;
mod receive;
pub(crate) mod reply_code;

use std::fmt;

use bytes::Bytes;
use m2m_engine::error::{Classify, Transience};

pub use connect::ConnectError;
pub use publish::{PublishError, Returned};
pub use receive::{GetError, OpenFailure, ReceiveError};

/// A payload that was not sent, as the caller gave it: never a frame, so that a retry does not wrap twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsent(pub Bytes);

impl fmt::Debug for Unsent {
    // Payloads do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsent({} bytes)", self.0.len())
    }
}

/// Why an operation on a channel or a connection failed that moves no payload: a declaration, an acknowledgement and the like.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The broker refused it, or could not be reached.
    #[error("the broker did not do it")]
    Amqp(#[from] lapin::Error),
}

impl Classify for ChannelError {
    fn transience(&self) -> Transience {
        match self {
            Self::Amqp(error) => reply_code::transience(error),
        }
    }
}
