//! One client, bare or wrapped, on one broker, measured round by round.

use std::sync::Arc;

use bytes::Bytes;
use m2m_engine::Engine;
use m2m_tests::harness::{Kafka, Nats, Rabbit};

use super::{amqp, kafka, nats};
use crate::brokers::Sample;

/// The brokers of the test harness.
pub(crate) struct Brokers {
    pub(super) nats: Nats,
    pub(super) kafka: Kafka,
    pub(super) rabbit: Rabbit,
}

impl Brokers {
    /// # Errors
    /// When one does not start.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (nats, kafka, rabbit) =
            tokio::try_join!(Nats::start(), Kafka::start(), Rabbit::start())?;
        Ok(Self { nats, kafka, rabbit })
    }
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bus {
    JetStream,
    Kafka,
    RabbitMq,
}

impl Bus {
    pub(crate) const ALL: [Self; 3] = [Self::JetStream, Self::Kafka, Self::RabbitMq];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JetStream => "JetStream",
            Self::Kafka => "Kafka",
            Self::RabbitMq => "RabbitMQ",
        }
    }
}

/// A client, and what it keeps between rounds.
pub(crate) struct Course<'a> {
    /// Bytes of a round's contents, where the broker cannot be asked.
    pub(super) contents: u64,
    brokers: &'a Brokers,
    engine: Option<Arc<Engine>>,
    payloads: &'a [Bytes],
    kept: Kept,
}

enum Kept {
    JetStream,
    Kafka(kafka::Topic),
    RabbitMq,
}

impl<'a> Course<'a> {
    /// A client wrapped with this engine, or a bare one.
    ///
    /// # Errors
    /// When the broker does not do what it is asked.
    pub(crate) async fn new(
        brokers: &'a Brokers,
        bus: Bus,
        engine: Option<Arc<Engine>>,
        payloads: &'a [Bytes],
    ) -> anyhow::Result<Self> {
        let kept = match bus {
            Bus::JetStream => Kept::JetStream,
            Bus::Kafka => Kept::Kafka(kafka::Topic::new(&brokers.kafka, engine.as_ref()).await?),
            Bus::RabbitMq => Kept::RabbitMq,
        };
        Ok(Self { contents: 0, brokers, engine, payloads, kept })
    }

    /// Sends all payloads and receives them.
    ///
    /// # Errors
    /// When something else arrives than was sent, or nothing.
    pub(crate) async fn round(&mut self) -> anyhow::Result<Sample> {
        let (engine, payloads) = (self.engine.as_ref(), self.payloads);
        match &mut self.kept {
            Kept::JetStream => nats::round(&self.brokers.nats, engine, payloads).await,
            Kept::Kafka(topic) => topic.round(&self.brokers.kafka, payloads).await,
            Kept::RabbitMq => {
                amqp::round(&self.brokers.rabbit, engine, payloads, self.contents).await
            }
        }
    }
}

/// Runs all of them `rounds` times after one round that does not count (a smoke test has no other): in each round in another order, so that
/// none has always the same one before it, whose work the broker may still be at.
///
/// # Errors
/// As [`Course::round`].
pub(crate) async fn in_turns(
    courses: &mut [Course<'_>],
    rounds: usize,
    smoke: bool,
) -> anyhow::Result<Vec<Vec<Sample>>> {
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); courses.len()];
    let mut order: Vec<usize> = (0..courses.len()).collect();
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..=rounds {
        random.shuffle(&mut order);
        for &turn in &order {
            let sample = courses[turn].round().await?;
            if round > 0 || smoke {
                samples[turn].push(sample);
            }
        }
    }
    Ok(samples)
}
