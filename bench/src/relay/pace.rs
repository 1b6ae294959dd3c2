//! How fast a target fills up, as its broker says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Stream;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::Brokers;
use super::place::{Kind, Place, nats};
use crate::brokers::kafka_client;

/// Between two looks at the target.
const LOOK: Duration = Duration::from_millis(5);
/// How long Kafka may take to answer.
const WAIT: Duration = Duration::from_secs(10);

/// Messages a second, from the first tenth of so many to the last.
pub(super) async fn of(target: &Place, brokers: &Brokers, count: usize) -> anyhow::Result<f64> {
    let mut gauge = Gauge::new(target, brokers).await?;
    let (first, begun) = loop {
        let there = gauge.read().await?;
        if there >= count / 10 {
            break (there, Instant::now());
        }
        tokio::time::sleep(LOOK).await;
    };
    while gauge.read().await? < count {
        tokio::time::sleep(LOOK).await;
    }
    Ok((count - first.min(count)) as f64 / begun.elapsed().as_secs_f64())
}

/// Tells how many messages lie at a place.
pub(super) enum Gauge {
    Stream(Box<Stream>),
    Kafka(Arc<BaseConsumer>, String),
}

impl Gauge {
    pub(super) async fn new(place: &Place, brokers: &Brokers) -> anyhow::Result<Self> {
        let name = &place.name;
        Ok(match place.kind {
            Kind::Stream => Self::Stream(Box::new(nats(brokers).await?.get_stream(name).await?)),
            Kind::Kafka => {
                let consumer = kafka_client(&brokers.kafka, name).create()?;
                Self::Kafka(Arc::new(consumer), name.clone())
            }
            Kind::Rabbit => anyhow::bail!("no route of this benchmark ends there"),
        })
    }

    pub(super) async fn read(&mut self) -> anyhow::Result<usize> {
        Ok(match self {
            Self::Stream(stream) => stream.info().await?.state.messages as usize,
            Self::Kafka(consumer, topic) => {
                let (consumer, topic) = (Arc::clone(consumer), topic.clone());
                let marks = move || consumer.fetch_watermarks(&topic, 0, WAIT);
                let (low, high) = tokio::task::spawn_blocking(marks).await??;
                (high - low) as usize
            }
        })
    }
}
