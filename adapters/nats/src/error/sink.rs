use async_nats::PublishError;
use async_nats::client::FlushError;
use async_nats::jetstream::context;
use m2m_engine::error::{Classify, Transience};

use super::jetstream_publish::of_acknowledging;
use super::of_publishing;

/// Why a message was not sent, or not confirmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Not a name that can be published to.
    #[error("{subject:?} is no subject that can be published to")]
    Subject {
        /// The name.
        subject: String,
    },
    /// Over the server's `max_payload`.
    #[error("the message has {len} bytes with its headers; the server's max_payload is {limit}")]
    MaxPayload {
        /// Headers and payload.
        len: usize,
        /// The server's limit.
        limit: usize,
    },
    /// The id for dropping duplicates cannot be a header.
    #[error("the id {id:?} cannot be written as Nats-Msg-Id")]
    DedupId {
        /// The id.
        id: String,
    },
    /// The client is not connected; nothing is queued for later, so that nothing goes out behind what is sent again.
    #[error("not connected")]
    Disconnected,
    /// The client refused it.
    #[error("the client did not take the message")]
    Publish(#[source] PublishError),
    /// No stream has this subject.
    #[error("no stream takes this subject: {subject}")]
    NoStream {
        /// The subject.
        subject: String,
    },
    /// A stream has this subject, and does not answer now.
    #[error("the stream of {subject} does not answer")]
    Unavailable {
        /// The subject.
        subject: String,
    },
    /// The server refused it, or no acknowledgement came in time.
    #[error("the message was not acknowledged")]
    JetStream(#[source] context::PublishError),
    /// What was sent could not be written out.
    #[error("cannot flush the connection")]
    Flush(#[source] FlushError),
    /// The sink was dropped before the answer came.
    #[error("the sink is closed")]
    Closed,
    /// At closing, messages were not accepted; their confirmations say why.
    #[error("{count} messages were not accepted before closing")]
    Unconfirmed {
        /// How many.
        count: usize,
    },
}

impl Classify for SinkError {
    fn transience(&self) -> Transience {
        match self {
            Self::Subject { .. }
            | Self::MaxPayload { .. }
            | Self::DedupId { .. }
            | Self::NoStream { .. } => Transience::Permanent,
            Self::Publish(error) => of_publishing(error.kind()),
            Self::JetStream(error) => of_acknowledging(error),
            Self::Disconnected
            | Self::Unavailable { .. }
            | Self::Flush(_)
            | Self::Closed
            | Self::Unconfirmed { .. } => Transience::Transient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_without_a_stream_is_permanent_and_a_silent_stream_is_not() {
        let subject = || String::from("a.b");
        let nowhere = SinkError::NoStream { subject: subject() };
        assert_eq!(nowhere.to_string(), "no stream takes this subject: a.b");
        assert_eq!(nowhere.transience(), Transience::Permanent);
        let silent = SinkError::Unavailable { subject: subject() };
        assert_eq!(silent.transience(), Transience::Transient);
        assert_eq!(SinkError::Disconnected.transience(), Transience::Transient);
    }
}
