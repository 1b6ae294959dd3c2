use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{
    DirectGetError, DirectGetErrorKind, LastRawMessageErrorKind, RawMessageError,
};
use m2m_engine::error::{Classify, Transience};

use super::OpenFailure;

/// Why a stored message was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetMessageError {
    /// It was found and cannot be opened; it is inside.
    #[error("the stored message cannot be opened")]
    Open(#[source] Box<OpenFailure<StreamMessage>>),
    /// The client's own, of a direct get.
    #[error("the message was not got")]
    Direct(#[source] DirectGetError),
    /// The client's own, of a get through the stream's leader.
    #[error("the message was not got")]
    Raw(#[source] RawMessageError),
}

impl Classify for GetMessageError {
    fn transience(&self) -> Transience {
        match self {
            Self::Open(failure) => failure.transience(),
            Self::Direct(error) => match error.kind() {
                DirectGetErrorKind::NotFound | DirectGetErrorKind::InvalidSubject => {
                    Transience::Permanent
                }
                DirectGetErrorKind::TimedOut
                | DirectGetErrorKind::Request
                | DirectGetErrorKind::ErrorResponse(..)
                | DirectGetErrorKind::Other => Transience::Transient,
            },
            Self::Raw(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound
                | LastRawMessageErrorKind::InvalidSubject => Transience::Permanent,
                LastRawMessageErrorKind::JetStream(_) | LastRawMessageErrorKind::Other => {
                    Transience::Transient
                }
            },
        }
    }
}
