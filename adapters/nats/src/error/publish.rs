use bytes::Bytes;
use m2m_engine::error::{Classify, Transience};
use m2m_engine::flow::WrapError;

use super::{Refused, Unsent, of_publishing};

/// Why a message was not published on core NATS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
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
    /// The client refused it.
    #[error("the client did not take the message")]
    Nats {
        /// As it was given.
        payload: Unsent,
        /// What the client says.
        source: async_nats::PublishError,
    },
}

impl PublishError {
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
    pub fn kind(&self) -> Option<async_nats::PublishErrorKind> {
        match self {
            Self::Nats { source, .. } => Some(source.kind()),
            Self::MaxPayload { .. } => Some(async_nats::PublishErrorKind::MaxPayloadExceeded),
            Self::Wrap { .. } | Self::Header { .. } => None,
        }
    }

    /// The payload as it was given, to be sent again or otherwise.
    #[must_use]
    pub fn into_payload(self) -> Bytes {
        match self {
            Self::Wrap { payload, .. }
            | Self::Header { payload, .. }
            | Self::MaxPayload { payload, .. }
            | Self::Nats { payload, .. } => payload.0,
        }
    }
}

impl Classify for PublishError {
    fn transience(&self) -> Transience {
        match self {
            Self::Wrap { source, .. } => source.transience(),
            Self::Header { .. } | Self::MaxPayload { .. } => Transience::Permanent,
            Self::Nats { source, .. } => of_publishing(source.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_payload() {
        let error = PublishError::refused(
            Refused::MaxPayload { len: 9, limit: 8 },
            Bytes::from_static(b"secret"),
        );
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
}
