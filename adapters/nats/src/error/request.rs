use async_nats::{Message, RequestErrorKind};
use bytes::Bytes;
use m2m_engine::error::{Classify, Transience};
use m2m_engine::flow::WrapError;

use super::{OpenFailure, Refused, Unsent};

/// Why a request got no answer that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The engine refused the payload.
    #[error("the payload cannot be wrapped")]
    Wrap {
        /// As it was given.
        payload: Unsent,
        /// Why.
        source: WrapError,
    },
    /// A header of ours has a value that NATS cannot carry.
    #[error("the header {name} cannot be written")]
    Header {
        /// Its name.
        name: &'static str,
        /// As it was given.
        payload: Unsent,
    },
    /// Payload and headers, framed where that pays, are over the server's `max_payload`.
    #[error("the message has {len} bytes with its headers; the server's max_payload is {limit}")]
    MaxPayload {
        /// Headers and payload as they would have gone out.
        len: usize,
        /// The server's limit.
        limit: usize,
        /// As it was given.
        payload: Unsent,
    },
    /// The client refused it, nobody listens, or no answer came in time.
    #[error("the request was not answered")]
    Nats {
        /// As it was given.
        payload: Unsent,
        /// What the client says.
        source: async_nats::RequestError,
    },
    /// An answer came and cannot be opened; it is inside.
    #[error("the answer cannot be opened")]
    Open(#[source] Box<OpenFailure<Message>>),
}

impl RequestError {
    pub(crate) fn refused(refused: Refused, payload: Bytes) -> Self {
        let payload = Unsent(payload);
        match refused {
            Refused::Wrap(source) => Self::Wrap { payload, source },
            Refused::Header { name } => Self::Header { name, payload },
            Refused::MaxPayload { len, limit } => Self::MaxPayload { len, limit, payload },
        }
    }

    /// The client's own kind of failure; `None` where the failure is ours.
    #[must_use]
    pub fn kind(&self) -> Option<RequestErrorKind> {
        match self {
            Self::Nats { source, .. } => Some(source.kind()),
            Self::MaxPayload { .. } => Some(RequestErrorKind::MaxPayloadExceeded),
            Self::Wrap { .. } | Self::Header { .. } | Self::Open(_) => None,
        }
    }

    /// The payload as it was given; `None` where it was sent and the answer is what failed.
    #[must_use]
    pub fn into_payload(self) -> Option<Bytes> {
        match self {
            Self::Wrap { payload, .. }
            | Self::Header { payload, .. }
            | Self::MaxPayload { payload, .. }
            | Self::Nats { payload, .. } => Some(payload.0),
            Self::Open(_) => None,
        }
    }
}

impl Classify for RequestError {
    fn transience(&self) -> Transience {
        match self {
            Self::Wrap { source, .. } => source.transience(),
            Self::Header { .. } | Self::MaxPayload { .. } => Transience::Permanent,
            Self::Nats { source, .. } => match source.kind() {
                RequestErrorKind::TimedOut
                | RequestErrorKind::NoResponders
                | RequestErrorKind::Other => Transience::Transient,
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    Transience::Permanent
                }
            },
            Self::Open(failure) => failure.transience(),
        }
    }
}
