//! Errors of the wrapped clients.

use std::fmt;

use m2m_engine::error::{Classify, Transience};
use m2m_engine::{OpenError, WrapError};
use rdkafka::Message as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::OwnedMessage;

use super::{limit_text, transience};

/// Why a client was not created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// A property has a value that librdkafka refuses, or is unknown to it. The value is not shown: it may be a secret.
    #[error("{property}: {reason}")]
    Property {
        /// Its name.
        property: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A source without `group.id` has no place to keep its offsets.
    #[error("group.id is not set")]
    NoGroup,
    /// A source without topics.
    #[error("no topic is given")]
    NoTopics,
    /// librdkafka could not create it.
    #[error("the Kafka client cannot be created")]
    Client(#[source] KafkaError),
    /// The operating system gave no thread to poll on.
    #[error("no thread for the Kafka client")]
    Thread(#[source] std::io::Error),
}

impl From<KafkaError> for CreateError {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, reason, property, value) => {
                // librdkafka quotes what it was given.
                let reason = if value.is_empty() || !reason.contains(&value) {
                    reason
                } else {
                    "librdkafka refuses the value".to_owned()
                };
                Self::Property { property, reason }
            }
            error => Self::Client(error),
        }
    }
}

impl Classify for CreateError {
    fn transience(&self) -> Transience {
        match self {
            Self::Property { .. } | Self::NoGroup | Self::NoTopics => Transience::Permanent,
            Self::Client(error) => transience(error),
            Self::Thread(_) => Transience::Transient,
        }
    }
}

/// Why a record was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The engine refused the payload.
    #[error("the payload was not wrapped")]
    Wrap(#[source] WrapError),
    /// Larger than the client or the broker takes, as it goes on the wire: framed.
    #[error("the message has {len} bytes on the wire; {}", limit_text(*.limit))]
    TooLarge {
        /// Bytes of the payload on the wire, without key, headers and what the protocol adds.
        len: usize,
        /// `message.max.bytes`; `None` where it is not known: the broker's or the topic's own limit, or a client that was
        /// not created from its configuration here.
        limit: Option<usize>,
    },
    /// rdkafka or the broker refused it.
    #[error("the message was not delivered")]
    Kafka(#[source] KafkaError),
}

impl SendError {
    pub(crate) fn new(error: KafkaError, len: usize, limit: Option<usize>) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::MessageSizeTooLarge) => Self::TooLarge { len, limit },
            _ => Self::Kafka(error),
        }
    }

    /// The code of librdkafka or the broker, where there is one.
    #[must_use]
    pub fn rdkafka_error_code(&self) -> Option<Code> {
        match self {
            Self::Wrap(_) => None,
            Self::TooLarge { .. } => Some(Code::MessageSizeTooLarge),
            Self::Kafka(error) => error.rdkafka_error_code(),
        }
    }
}

impl Classify for SendError {
    fn transience(&self) -> Transience {
        match self {
            Self::Wrap(error) => error.transience(),
            Self::TooLarge { .. } => Transience::Permanent,
            Self::Kafka(error) => transience(error),
        }
    }
}

/// The producer went away before it knew whether the record was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the producer went away before the delivery was known")]
pub struct Canceled;

impl Classify for Canceled {
    fn transience(&self) -> Transience {
        Transience::Transient
    }
}

/// Why no message was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// rdkafka's own error.
    #[error("receiving from Kafka failed")]
    Kafka(#[source] KafkaError),
    /// A message arrived, and is not what it says it is.
    #[error(transparent)]
    Open(Box<OpenFailure>),
}

impl Classify for RecvError {
    fn transience(&self) -> Transience {
        match self {
            Self::Kafka(error) => transience(error),
            Self::Open(failure) => failure.transience(),
        }
    }
}

/// A message that cannot be opened, with the message as it arrived: to be dead-lettered, then committed.
#[derive(thiserror::Error)]
#[error("the message {}/{}/{} cannot be opened", .message.topic(), .message.partition(), .message.offset())]
#[non_exhaustive]
pub struct OpenFailure {
    /// As it arrived.
    pub message: OwnedMessage,
    /// Why it cannot be opened.
    pub source: OpenError,
}

/// Without key, payload and headers: errors are logged.
impl fmt::Debug for OpenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFailure")
            .field("topic", &self.message.topic())
            .field("partition", &self.message.partition())
            .field("offset", &self.message.offset())
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Classify for OpenFailure {
    fn transience(&self) -> Transience {
        self.source.transience()
    }
}
