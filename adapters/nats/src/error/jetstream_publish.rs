use std::error::Error as _;

use async_nats::jetstream::{self, ErrorCode, context::PublishErrorKind};
use bytes::Bytes;
use m2m_engine::error::{Classify, Transience};
use m2m_engine::flow::WrapError;

use super::{Refused, Unsent};

/// Why a message was not published on JetStream, or not accepted by it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JetStreamPublishError {
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
    /// Nobody answered: no stream has this subject.
    #[error("no stream takes this subject")]
    NoStream {
        /// As it was given.
        payload: Unsent,
    },
    /// The client or the server refused it, or no acknowledgement came in time.
    #[error("the message was not acknowledged")]
    JetStream {
        /// As it was given.
        payload: Unsent,
        /// What they say.
        source: jetstream::context::PublishError,
    },
}

impl JetStreamPublishError {
    pub(crate) fn refused(refused: Refused, payload: Bytes) -> Self {
        let payload = Unsent(payload);
        match refused {
            Refused::Wrap(source) => Self::Wrap { payload, source },
            Refused::Header { name } => Self::Header { name, payload },
            Refused::MaxPayload { len, limit } => Self::MaxPayload { len, limit, payload },
        }
    }

    pub(crate) fn client(source: jetstream::context::PublishError, payload: Bytes) -> Self {
        let payload = Unsent(payload);
        match source.kind() {
            PublishErrorKind::StreamNotFound => Self::NoStream { payload },
            _ => Self::JetStream { payload, source },
        }
    }

    /// The client's own kind of failure; `None` where the failure is ours.
    #[must_use]
    pub fn kind(&self) -> Option<PublishErrorKind> {
        match self {
            Self::JetStream { source, .. } => Some(source.kind()),
            Self::NoStream { .. } => Some(PublishErrorKind::StreamNotFound),
            Self::MaxPayload { .. } => Some(PublishErrorKind::MaxPayloadExceeded),
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
            | Self::NoStream { payload }
            | Self::JetStream { payload, .. } => payload.0,
        }
    }
}

impl Classify for JetStreamPublishError {
    fn transience(&self) -> Transience {
        match self {
            Self::Wrap { source, .. } => source.transience(),
            Self::Header { .. } | Self::MaxPayload { .. } | Self::NoStream { .. } => {
                Transience::Permanent
            }
            Self::JetStream { source, .. } => of_acknowledging(source),
        }
    }
}

/// Sorts what JetStream answers to a publish.
pub(crate) fn of_acknowledging(error: &jetstream::context::PublishError) -> Transience {
    match error.kind() {
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::MaxPayloadExceeded => Transience::Permanent,
        PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => Transience::Transient,
        PublishErrorKind::Other => match error.source() {
            Some(source) if source.is::<async_nats::SubjectError>() => Transience::Permanent,
            Some(source) => source
                .downcast_ref::<jetstream::Error>()
                .map_or(Transience::Transient, |answer| of_code(answer.error_code())),
            None => Transience::Transient,
        },
    }
}

/// Codes with which a stream refuses a message for what it is; all others may pass.
fn of_code(code: ErrorCode) -> Transience {
    const OF_THE_MESSAGE: [ErrorCode; 14] = [
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM,
        ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM,
        ErrorCode::STREAM_NOT_MATCH,
        ErrorCode::STREAM_SEALED,
        ErrorCode::STREAM_ROLLUP_FAILED,
        ErrorCode::MESSAGE_TTL_INVALID,
        ErrorCode::MESSAGE_TTL_DISABLED,
        ErrorCode::MESSAGE_INCR_DISABLED,
        ErrorCode::MESSAGE_INCR_MISSING,
        ErrorCode::MESSAGE_INCR_PAYLOAD,
        ErrorCode::MESSAGE_INCR_INVALID,
        ErrorCode::MESSAGE_SCHEDULES_DISABLED,
        ErrorCode::MESSAGE_SCHEDULES_PATTERN_INVALID,
        ErrorCode::MESSAGE_SCHEDULES_TARGET_INVALID,
    ];
    if OF_THE_MESSAGE.contains(&code) { Transience::Permanent } else { Transience::Transient }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_may_pass_and_a_missing_stream_does_not() {
        let error = |kind| {
            let source = jetstream::context::PublishError::new(kind);
            JetStreamPublishError::client(source, Bytes::from_static(b"payload"))
        };
        let lost = error(PublishErrorKind::TimedOut);
        assert_eq!(lost.transience(), Transience::Transient);
        let nowhere = error(PublishErrorKind::StreamNotFound);
        assert!(matches!(nowhere, JetStreamPublishError::NoStream { .. }));
        assert_eq!(nowhere.transience(), Transience::Permanent);
        assert_eq!(nowhere.into_payload(), "payload");
    }

    #[test]
    fn refusals_of_the_message_itself_are_permanent() {
        assert_eq!(of_code(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM), Transience::Permanent);
        assert_eq!(of_code(ErrorCode::INSUFFICIENT_RESOURCES), Transience::Transient);
        let subject = jetstream::context::PublishError::with_source(
            PublishErrorKind::Other,
            async_nats::SubjectError::InvalidFormat,
        );
        assert_eq!(of_acknowledging(&subject), Transience::Permanent);
    }
}
