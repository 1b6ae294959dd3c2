//! Why a test has no broker.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use m2m_engine::error::{Classify, Transience};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use testcontainers::TestcontainersError;

use super::ProbeError;

/// What can go wrong with a broker of the harness.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// The program is not on this machine.
    #[error(
        "no {broker} here: {} is missing; run `make brokers` to get it, or set {variable} to the URL of one that runs",
        program.display()
    )]
    Missing {
        /// Which broker.
        broker: &'static str,
        /// What was looked for.
        program: PathBuf,
        /// The variable that points at a broker that is already there.
        variable: &'static str,
    },
    /// The broker is somebody else's.
    #[error(
        "cannot {action} this {broker}: it is the one that {variable} points at; unset that to have the test start its own"
    )]
    NotOurs {
        /// Which broker.
        broker: &'static str,
        /// What was asked for.
        action: &'static str,
        /// The variable that points at it.
        variable: &'static str,
    },
    /// The process ended while it should have started.
    #[error("{broker} ended ({status}) before it answered; the end of its log:\n{log}")]
    Ended {
        /// Which broker.
        broker: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it wrote.
        log: String,
    },
    /// It did not answer in time.
    #[error("{broker} did not answer within {waited:?}; the end of its log:\n{log}")]
    Silent {
        /// Which broker.
        broker: &'static str,
        /// How long it was given.
        waited: Duration,
        /// The last lines it wrote.
        log: String,
        /// What the last try met, if it came to an end.
        #[source]
        source: Option<ProbeError>,
    },
    /// It did not end in time when asked to, and was killed.
    #[error("{broker} did not stop within {waited:?} and was killed")]
    NotStopped {
        /// Which broker.
        broker: &'static str,
        /// How long it was given.
        waited: Duration,
    },
    /// A program that prepares or steers the broker failed.
    #[error("{broker}: {program} failed: {output}")]
    Tool {
        /// Which broker.
        broker: &'static str,
        /// The program.
        program: &'static str,
        /// What it wrote.
        output: String,
    },
    /// A container could not be had or steered.
    #[error("{broker}: the container could not {action}")]
    Container {
        /// Which broker.
        broker: &'static str,
        /// What it was to do.
        action: &'static str,
        /// What testcontainers says.
        #[source]
        source: Box<TestcontainersError>,
    },
    /// A file, a port or a process could not be had.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Kafka could not be asked to create a topic.
    #[error("cannot ask for topic {topic}")]
    Topic {
        /// The topic.
        topic: String,
        /// What the client says.
        #[source]
        source: KafkaError,
    },
    /// Kafka did not create a topic.
    #[error("Kafka refused topic {topic}: {code}")]
    TopicRefused {
        /// The topic.
        topic: String,
        /// Why.
        code: RDKafkaErrorCode,
    },
}

impl HarnessError {
    /// For `map_err` on the system's own errors.
    pub(super) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

impl Classify for HarnessError {
    fn transience(&self) -> Transience {
        match self {
            Self::Missing { .. }
            | Self::NotOurs { .. }
            | Self::Ended { .. }
            | Self::Tool { .. }
            | Self::TopicRefused { .. } => Transience::Permanent,
            Self::Silent { .. }
            | Self::NotStopped { .. }
            | Self::Container { .. }
            | Self::Io { .. }
            | Self::Topic { .. } => Transience::Transient,
        }
    }
}
