//! What can go wrong. Each error of sending gives back the payload as it was before framing.

mod jetstream_publish;
mod publish;
mod receive;
mod request;
mod sink;
mod source;
mod stored;

use std::fmt;

use async_nats::client::PublishErrorKind;
use bytes::Bytes;
use m2m_engine::error::Transience;
use m2m_engine::flow::WrapError;

pub use jetstream_publish::JetStreamPublishError;
pub use publish::PublishError;
pub use receive::{OpenFailure, ReceiveError};
pub use request::RequestError;
pub use sink::SinkError;
pub use source::{SettleError, SourceError};
pub use stored::GetMessageError;

/// A payload that was not sent, as the caller gave it: never a frame, so that a retry does not wrap twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsent(pub Bytes);

impl fmt::Debug for Unsent {
    // Payloads do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsent({} bytes)", self.0.len())
    }
}

/// Why a message was not even handed to the client.
#[derive(Debug)]
pub(crate) enum Refused {
    Wrap(WrapError),
    Header { name: &'static str },
    MaxPayload { len: usize, limit: usize },
}

pub(crate) fn of_publishing(kind: PublishErrorKind) -> Transience {
    match kind {
        PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::InvalidSubject => {
            Transience::Permanent
        }
        // The connection's task is gone; another connection would take the same message.
        PublishErrorKind::Send => Transience::Transient,
    }
}
