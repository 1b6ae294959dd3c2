//! Kafka: produced with the client's defaults, then read from the beginning.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use m2m_engine::Engine;
use m2m_tests::harness::{Kafka, unique};
use rdkafka::Message as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use crate::brokers::{IN_FLIGHT, Sample, Stopwatch, kafka_client, log_dirs};

macro_rules! pass {
    ($producer:expr, $consumer:expr, $topic:expr, $payloads:expr) => {{
        let (producer, consumer) = ($producer, $consumer);
        let watch = Stopwatch::begin();
        let mut waiting = VecDeque::new();
        for payload in $payloads {
            if waiting.len() >= IN_FLIGHT {
                let sent: Result<_, _> = waiting.pop_front().context("none in flight")?.await?;
                sent.map_err(|(error, _)| error)?;
            }
            let record = FutureRecord::<(), [u8]>::to($topic).payload(payload);
            waiting.push_back(producer.send_result(record).map_err(|(error, _)| error)?);
        }
        for delivery in waiting {
            let sent: Result<_, _> = delivery.await?;
            sent.map_err(|(error, _)| error)?;
        }
        for payload in $payloads {
            let message = consumer.recv().await?;
            anyhow::ensure!(message.payload() == Some(payload), "another message than was sent");
        }
        watch
    }};
}

/// A topic, who writes to it, and who reads it: kept from round to round, as it takes a second until they have found it.
pub(super) struct Topic {
    name: String,
    stored: u64,
    clients: Clients,
}

enum Clients {
    Bare(FutureProducer, StreamConsumer),
    Wrapped(m2m_kafka::FutureProducer, m2m_kafka::StreamConsumer),
}

impl Topic {
    pub(super) async fn new(kafka: &Kafka, engine: Option<&Arc<Engine>>) -> anyhow::Result<Self> {
        let name = unique("adapters");
        kafka.create_topic(&name, 1).await?;
        let client = kafka_client(kafka, &name);
        let (producer, consumer): (FutureProducer, StreamConsumer) =
            (client.create()?, client.create()?);
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(&name, 0, Offset::Beginning)?;
        consumer.assign(&from)?;
        let clients = match engine {
            None => Clients::Bare(producer, consumer),
            Some(engine) => Clients::Wrapped(
                m2m_kafka::FutureProducer::new(producer, Arc::clone(engine)),
                m2m_kafka::StreamConsumer::new(consumer, Arc::clone(engine)),
            ),
        };
        Ok(Self { name, stored: 0, clients })
    }

    pub(super) async fn round(
        &mut self,
        kafka: &Kafka,
        payloads: &[Bytes],
    ) -> anyhow::Result<Sample> {
        let watch = match &self.clients {
            Clients::Bare(producer, consumer) => pass!(producer, consumer, &self.name, payloads),
            Clients::Wrapped(producer, consumer) => pass!(producer, consumer, &self.name, payloads),
        };
        let mut sample = watch.sample(0);
        let before =
            std::mem::replace(&mut self.stored, log_dirs::bytes(kafka.bootstrap(), &self.name)?);
        sample.stored = self.stored - before;
        Ok(sample)
    }
}
