use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::BasicReturnMessage;
use m2m_engine::error::{Classify, Transience};
use m2m_engine::flow::WrapError;

use super::{Unsent, reply_code};
use crate::outbound::Failure;

/// How the broker returned a message that it could not route.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Returned {
    /// Why, as a reply code: 312 for an unroutable mandatory message.
    pub reply_code: u16,
    /// Why, in words.
    pub reply_text: String,
    /// Where it was published.
    pub exchange: String,
    /// With which routing key.
    pub routing_key: String,
    /// The properties that it went out with.
    pub properties: Box<BasicProperties>,
}

impl From<BasicReturnMessage> for Returned {
    fn from(message: BasicReturnMessage) -> Self {
        Self {
            reply_code: message.reply_code,
            reply_text: message.reply_text.into(),
            exchange: message.delivery.exchange.into(),
            routing_key: message.delivery.routing_key.into(),
            properties: Box::new(message.delivery.properties),
        }
    }
}

/// Why a message was not published, or not accepted by the broker.
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
    /// No queue takes it, and it was mandatory (or immediate).
    #[error(
        "unroutable: exchange {:?}, routing key {:?}: {} {}",
        returned.exchange,
        returned.routing_key,
        returned.reply_code,
        returned.reply_text
    )]
    Unroutable {
        /// As it was given.
        payload: Unsent,
        /// How the broker returned it.
        returned: Returned,
    },
    /// The broker could not keep it: a queue is full and rejects, or failed.
    #[error("the broker refused to take responsibility for the message (basic.nack)")]
    Nacked {
        /// As it was given.
        payload: Unsent,
    },
    /// The payload, framed where that pays, is over the server's `max_message_size`. The broker has closed the channel.
    #[error("the message has {len} bytes; the server's max_message_size is {limit}")]
    TooLong {
        /// The payload as it went out.
        len: usize,
        /// The server's limit.
        limit: usize,
        /// As it was given.
        payload: Unsent,
    },
    /// The broker refused it, or could not be reached.
    #[error("the message was not published")]
    Amqp {
        /// As it was given.
        payload: Unsent,
        /// What the broker or the client says.
        source: lapin::Error,
    },
    /// The channel was closed with several messages in flight, and AMQP does not say which of them was the reason.
    #[error(
        "the channel failed before the broker had confirmed the message, perhaps for the sake of another one"
    )]
    ChannelLost {
        /// As it was given.
        payload: Unsent,
        /// What the broker or the client says.
        source: lapin::Error,
    },
}

impl PublishError {
    pub(crate) fn new(failure: Failure, payload: Bytes) -> Self {
        let payload = Unsent(payload);
        match failure {
            Failure::Returned(message) => {
                Self::Unroutable { payload, returned: Returned::from(*message) }
            }
            Failure::Nacked => Self::Nacked { payload },
            Failure::TooLong { len, limit } => Self::TooLong { len, limit, payload },
            Failure::Amqp(source) => Self::Amqp { payload, source },
            Failure::ChannelLost(source) => Self::ChannelLost { payload, source },
        }
    }

    /// The payload as it was given, to be sent again or otherwise.
    #[must_use]
    pub fn into_payload(self) -> Bytes {
        match self {
            Self::Wrap { payload, .. }
            | Self::Unroutable { payload, .. }
            | Self::Nacked { payload }
            | Self::TooLong { payload, .. }
            | Self::Amqp { payload, .. }
            | Self::ChannelLost { payload, .. } => payload.0,
        }
    }
}

impl Classify for PublishError {
    fn transience(&self) -> Transience {
        match self {
            Self::Wrap { source, .. } => source.transience(),
            Self::Unroutable { .. } | Self::TooLong { .. } => Transience::Permanent,
            Self::Nacked { .. } | Self::ChannelLost { .. } => Transience::Transient,
            Self::Amqp { source, .. } => reply_code::transience(source),
        }
    }
}
