use async_nats::client::FlushError;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{StreamError, pull};
use async_nats::jetstream::stream::{
    ConsumerCreateStrictError, ConsumerCreateStrictErrorKind, ConsumerError, ConsumerErrorKind,
};
use async_nats::{RequestErrorKind, SubscribeError, SubscribeErrorKind};
use m2m_engine::error::{Classify, Transience};

use super::receive::of_pulling;

/// Why a source gave no message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The subscription was refused.
    #[error("cannot subscribe to {subject}")]
    Subscribe {
        /// What was subscribed to.
        subject: String,
        /// What the client says.
        source: SubscribeError,
    },
    /// The subscription ended: the client was drained or closed, or has given up connecting.
    #[error("the client has ended the subscription")]
    Ended,
    /// There is no such stream.
    #[error("there is no stream {stream}")]
    NoStream {
        /// Its name.
        stream: String,
    },
    /// The durable consumer could not be found.
    #[error("cannot look for the consumer {durable} of the stream {stream}")]
    Find {
        /// The stream.
        stream: String,
        /// The consumer.
        durable: String,
        /// What the client says.
        source: ConsumerError,
    },
    /// The durable consumer could not be created.
    #[error("cannot create the consumer {durable} on the stream {stream}")]
    Create {
        /// The stream.
        stream: String,
        /// The consumer.
        durable: String,
        /// What the client says.
        source: ConsumerCreateStrictError,
    },
    /// The durable consumer is there, and made for something else.
    #[error("the consumer {durable} exists and {reason}")]
    Unfit {
        /// The consumer.
        durable: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Messages could not be asked for.
    #[error("cannot pull from the consumer {durable}")]
    Pull {
        /// The consumer.
        durable: String,
        /// What the client says.
        source: StreamError,
    },
    /// The consumer has gone, is silent, or refuses.
    #[error("the consumer {durable} has failed")]
    Messages {
        /// The consumer.
        durable: String,
        /// What the client says.
        source: pull::MessagesError,
    },
    /// What was settled could not be written out.
    #[error("cannot flush the connection")]
    Flush(#[source] FlushError),
}

impl Classify for SourceError {
    fn transience(&self) -> Transience {
        match self {
            Self::Subscribe { source, .. } => match source.kind() {
                SubscribeErrorKind::InvalidSubject | SubscribeErrorKind::InvalidQueueName => {
                    Transience::Permanent
                }
                SubscribeErrorKind::Other => Transience::Transient,
            },
            Self::NoStream { .. } | Self::Unfit { .. } => Transience::Permanent,
            Self::Find { source, .. } => match source.kind() {
                ConsumerErrorKind::InvalidName | ConsumerErrorKind::InvalidConsumerType => {
                    Transience::Permanent
                }
                ConsumerErrorKind::JetStream(answer) => of_answer(&answer),
                ConsumerErrorKind::TimedOut
                | ConsumerErrorKind::Request
                | ConsumerErrorKind::Other => Transience::Transient,
            },
            Self::Create { source, .. } => match source.kind() {
                ConsumerCreateStrictErrorKind::InvalidName
                | ConsumerCreateStrictErrorKind::InvalidConsumerType => Transience::Permanent,
                ConsumerCreateStrictErrorKind::JetStream(answer) => of_answer(&answer),
                // Somebody else was quicker; it is found next time.
                ConsumerCreateStrictErrorKind::AlreadyExists
                | ConsumerCreateStrictErrorKind::TimedOut
                | ConsumerCreateStrictErrorKind::Request
                | ConsumerCreateStrictErrorKind::Other => Transience::Transient,
            },
            Self::Messages { source, .. } => of_pulling(source.kind()),
            Self::Ended | Self::Pull { .. } | Self::Flush(_) => Transience::Transient,
        }
    }
}

/// JetStream's codes are those of HTTP: 4xx is about the request.
fn of_answer(answer: &jetstream::Error) -> Transience {
    match answer.code() {
        400..=499 => Transience::Permanent,
        _ => Transience::Transient,
    }
}

/// Why a delivery was not settled; it will be delivered again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The server did not answer, or the consumer is gone.
    #[error("the acknowledgement was not confirmed")]
    Request(#[source] async_nats::RequestError),
    /// The connection was lost meanwhile, or the server was told together with others and did not answer.
    #[error("the acknowledgement was not confirmed, nor those told with it")]
    Unconfirmed,
}

impl Classify for SettleError {
    fn transience(&self) -> Transience {
        match self {
            Self::Unconfirmed => Transience::Transient,
            Self::Request(error) => match error.kind() {
                RequestErrorKind::TimedOut
                | RequestErrorKind::NoResponders
                | RequestErrorKind::Other => Transience::Transient,
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    Transience::Permanent
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_must_change_is_permanent() {
        let stream = String::from("S");
        assert_eq!(SourceError::NoStream { stream }.transience(), Transience::Permanent);
        let durable = String::from("d");
        let silent = pull::MessagesError::new(pull::MessagesErrorKind::MissingHeartbeat);
        let silent = SourceError::Messages { durable, source: silent };
        assert_eq!(silent.transience(), Transience::Transient);
        assert_eq!(SourceError::Ended.transience(), Transience::Transient);
    }
}
