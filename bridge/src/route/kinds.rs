//! What a route reads from and writes to, in each broker's words.

use crate::config::Start;

/// A source, checked against its bus.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceSpec {
    /// A subject of a bus within the process.
    Memory {
        /// The bus, by its name in the file.
        bus: String,
        /// The subject.
        subject: String,
        /// Members of a group share its messages.
        queue_group: String,
    },
    /// A core NATS subscription.
    NatsCore {
        /// The bus, by its name in the file.
        bus: String,
        /// The subject, wildcards included.
        subject: String,
        /// Members of a group share its messages.
        queue_group: Option<String>,
    },
    /// A JetStream consumer.
    NatsStream {
        /// The bus, by its name in the file.
        bus: String,
        /// The stream.
        stream: String,
        /// The consumer.
        durable: String,
        /// Only these subjects of the stream; all when empty.
        subjects: Vec<String>,
        /// Where a new consumer begins.
        start: Start,
    },
    /// A member of a Kafka consumer group.
    Kafka {
        /// The bus, by its name in the file.
        bus: String,
        /// Topics; one that begins with `^` is a regular expression.
        topics: Vec<String>,
        /// The group.
        group: String,
        /// Where a new group begins.
        start: Start,
    },
    /// An AMQP queue.
    Amqp {
        /// The bus, by its name in the file.
        bus: String,
        /// The queue.
        queue: String,
    },
}

impl SourceSpec {
    /// The bus, by its name in the file.
    #[must_use]
    pub fn bus(&self) -> &str {
        match self {
            Self::Memory { bus, .. }
            | Self::NatsCore { bus, .. }
            | Self::NatsStream { bus, .. }
            | Self::Kafka { bus, .. }
            | Self::Amqp { bus, .. } => bus,
        }
    }
}

/// A connection that a route sends over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSpec {
    /// The bus, by its name in the file.
    pub bus: String,
    /// Core NATS instead of JetStream.
    pub core: bool,
}
