//! Errors of the relay's seam.

use std::time::Duration;

use m2m_engine::error::{Classify, Transience};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::{CreateError, limit_text, transience};

/// Why a source did not deliver, or did not end in an orderly way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Its consumer was not created.
    #[error("the Kafka source was not created")]
    Create(#[from] CreateError),
    /// Kafka refused it, or the consumer is no longer usable; the next `recv` creates another one.
    #[error("the Kafka source cannot read")]
    Consume {
        /// What rdkafka reported.
        #[source]
        source: KafkaError,
        /// Whether librdkafka gave its consumer up.
        fatal: bool,
    },
    /// The thread that polls ended unexpectedly; the next `recv` starts another one.
    #[error("the thread that polls Kafka ended unexpectedly")]
    Stopped,
    /// The last offsets were not committed; their messages will be delivered again.
    #[error("the last offsets were not committed")]
    Commit(#[source] KafkaError),
    /// The consumer did not leave its group in time; what was not committed will be delivered again.
    #[error("the Kafka source did not close within {limit:?}")]
    CloseTimeout {
        /// How long was waited.
        limit: Duration,
    },
}

impl Classify for SourceError {
    fn transience(&self) -> Transience {
        match self {
            Self::Create(error) => error.transience(),
            Self::Consume { source, .. } => transience(source),
            Self::Stopped | Self::CloseTimeout { .. } => Transience::Transient,
            Self::Commit(error) => transience(error),
        }
    }
}

/// Why a delivery was not settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// Its partition was taken from this consumer since, or the source was closed: the partition's next owner gets the message
    /// again, and nothing that is said about it here counts.
    #[error("{topic}/{partition} was revoked; its message {offset} will be delivered again")]
    Revoked {
        /// Its topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
}

impl Classify for SettleError {
    fn transience(&self) -> Transience {
        match self {
            Self::Revoked { .. } => Transience::Permanent,
        }
    }
}

/// Why an envelope was not sent, or not confirmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Its producer was not created.
    #[error("the Kafka sink was not created")]
    Create(#[from] CreateError),
    /// Larger than the client (at `send`) or the broker (at the confirmation) takes.
    #[error("the message has {len} bytes; {}", limit_text(*.limit))]
    TooLarge {
        /// Bytes of the payload, without key, headers and what the protocol adds.
        len: usize,
        /// `message.max.bytes`; `None` where the broker refused it, whose limit is not told.
        limit: Option<usize>,
    },
    /// The producer's queue had no room for as long as a send may take.
    #[error("the producer's queue is full, and was for {waited:?}")]
    QueueFull {
        /// How long was waited.
        waited: Duration,
    },
    /// Kafka did not take it.
    #[error("the message was not delivered")]
    Produce(#[source] KafkaError),
    /// The idempotent producer cannot go on; the next `send` creates another one.
    #[error("the producer cannot go on; the next send creates another one")]
    Fatal(#[source] KafkaError),
    /// The producer went away before it knew.
    #[error("the producer went away before the delivery was known")]
    Lost,
    /// Not everything was delivered when the sink was closed.
    #[error("{undelivered} messages were not delivered when the sink was closed")]
    Flush {
        /// How many.
        undelivered: usize,
        /// What rdkafka reported.
        #[source]
        source: KafkaError,
    },
}

impl SinkError {
    pub(crate) fn new(error: KafkaError, len: usize, limit: Option<usize>) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::MessageSizeTooLarge) => Self::TooLarge { len, limit },
            Some(Code::Fatal) => Self::Fatal(error),
            _ => Self::Produce(error),
        }
    }
}

impl Classify for SinkError {
    fn transience(&self) -> Transience {
        match self {
            Self::Create(error) => error.transience(),
            Self::TooLarge { .. } => Transience::Permanent,
            Self::QueueFull { .. } | Self::Fatal(_) | Self::Lost => Transience::Transient,
            Self::Produce(error) | Self::Flush { source: error, .. } => transience(error),
        }
    }
}
