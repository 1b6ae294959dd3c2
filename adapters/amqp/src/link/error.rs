use std::time::Duration;

use m2m_engine::error::{Classify, Transience};

use crate::error::{ConnectError, Returned, reply_code};
use crate::outbound::Failure;

/// Why a queue gave no message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no connection.
    #[error("the source is not connected")]
    Connect(#[from] ConnectError),
    /// AMQP has no room for such a name of a queue or a consumer.
    #[error("the name of the queue or the consumer has {len} bytes; the limit is 255")]
    Name {
        /// Its length.
        len: usize,
    },
    /// The broker refused the consumer: no such queue, no permission, or somebody else has it for himself.
    #[error("the queue {queue:?} cannot be consumed")]
    Consume {
        /// The queue.
        queue: String,
        /// What the broker says.
        source: lapin::Error,
    },
    /// The broker cancelled the consumer: its queue was deleted or moved. The next call consumes again.
    #[error("the broker cancelled the consumer of the queue {queue:?}")]
    Cancelled {
        /// The queue.
        queue: String,
    },
    /// The channel or the connection is gone; unacknowledged messages come again. The next call connects again.
    #[error("the channel was lost")]
    Lost(#[source] lapin::Error),
}

impl Classify for SourceError {
    fn transience(&self) -> Transience {
        match self {
            Self::Connect(error) => error.transience(),
            Self::Name { .. } => Transience::Permanent,
            Self::Consume { source, .. } => reply_code::transience(source),
            Self::Cancelled { .. } => Transience::Transient,
            // Whatever ended it, a new channel may do better; if not, connecting or consuming will say why.
            Self::Lost(_) => Transience::Transient,
        }
    }
}

/// Why a delivery was not settled. The broker delivers it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The delivery's channel is closed, and its delivery tag with it.
    #[error("the channel that the message came on is closed")]
    ChannelClosed,
    /// The channel failed just now.
    #[error("the broker could not be told")]
    Amqp(#[source] lapin::Error),
    /// Nothing was heard of it: the connection was lost at that moment.
    #[error("the broker could not be told within {waited:?}")]
    Unwritten {
        /// How long was waited.
        waited: Duration,
    },
}

impl Classify for SettleError {
    fn transience(&self) -> Transience {
        match self {
            // It comes again on another channel, and can be settled there.
            Self::ChannelClosed | Self::Amqp(_) | Self::Unwritten { .. } => Transience::Transient,
        }
    }
}

/// Why a message was not sent, or not accepted by the broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// There is no connection.
    #[error("the sink is not connected")]
    Connect(#[from] ConnectError),
    /// No channel with confirmations could be opened.
    #[error("no channel could be opened")]
    Channel(#[source] lapin::Error),
    /// AMQP has no room for such a name.
    #[error("the {what} has {len} bytes; the limit is 255")]
    Address {
        /// Exchange or routing key.
        what: &'static str,
        /// Its length.
        len: usize,
    },
    /// Properties and headers have to fit into one AMQP frame; a broker closes the connection otherwise.
    #[error("properties and headers have {len} bytes; the limit is {limit} (frame_max)")]
    Headers {
        /// Their length, with the frame around them.
        len: usize,
        /// The limit that broker and client agreed on.
        limit: usize,
    },
    /// No queue takes it.
    #[error(
        "unroutable: exchange {:?}, routing key {:?}: {} {}",
        .0.exchange,
        .0.routing_key,
        .0.reply_code,
        .0.reply_text
    )]
    Unroutable(Returned),
    /// The broker could not keep it: a queue is full and rejects, or failed.
    #[error("the broker refused to take responsibility for the message (basic.nack)")]
    Nacked,
    /// It is over the server's `max_message_size`.
    #[error("the message has {len} bytes; the server's max_message_size is {limit}")]
    TooLong {
        /// The payload.
        len: usize,
        /// The server's limit.
        limit: usize,
    },
    /// The broker refused this message: no such exchange, no permission to write to it, and the like.
    #[error("the broker refused the message")]
    Refused(#[source] lapin::Error),
    /// The channel or the connection was lost before the broker had confirmed the message.
    #[error("the channel was lost before the broker had confirmed the message")]
    Lost(#[source] lapin::Error),
    /// The broker may have the message, or not.
    #[error("the broker did not confirm the message within {waited:?}")]
    NotConfirmed {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The sink was closed with messages that the broker had not confirmed.
    #[error("closed with {count} messages that the broker has not accepted")]
    Unfinished {
        /// How many.
        count: usize,
    },
}

impl From<Failure> for SinkError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Returned(message) => Self::Unroutable(Returned::from(*message)),
            Failure::Nacked => Self::Nacked,
            Failure::TooLong { len, limit } => Self::TooLong { len, limit },
            Failure::Amqp(error) => Self::Refused(error),
            Failure::ChannelLost(error) => Self::Lost(error),
        }
    }
}

impl Classify for SinkError {
    fn transience(&self) -> Transience {
        match self {
            Self::Connect(error) => error.transience(),
            Self::Channel(error) | Self::Refused(error) => reply_code::transience(error),
            Self::Address { .. }
            | Self::Headers { .. }
            | Self::Unroutable(_)
            | Self::TooLong { .. } => Transience::Permanent,
            Self::Nacked | Self::Lost(_) | Self::NotConfirmed { .. } | Self::Unfinished { .. } => {
                Transience::Transient
            }
        }
    }
}
