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

use crate::brokers::{IN_FLIGHT, Sample, Stopwatch, kafka_client, stored};

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

pub(super) async fn round(
    kafka: &Kafka,
    engine: Option<&Arc<Engine>>,
    payloads: &[Bytes],
) -> anyhow::Result<Sample> {
    let topic = unique("adapters");
    kafka.create_topic(&topic, 1).await?;
    let client = kafka_client(kafka, &topic);
    let (producer, consumer): (FutureProducer, StreamConsumer) =
        (client.create()?, client.create()?);
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(&topic, 0, Offset::Beginning)?;
    consumer.assign(&from)?;
    let watch = match engine {
        None => pass!(&producer, &consumer, &topic, payloads),
        Some(engine) => {
            let producer = m2m_kafka::FutureProducer::new(producer, Arc::clone(engine));
            let consumer = m2m_kafka::StreamConsumer::new(consumer, Arc::clone(engine));
            pass!(&producer, &consumer, &topic, payloads)
        }
    };
    let mut sample = watch.sample(0);
    sample.stored = stored(&format!("{topic}-0"), "log")?;
    Ok(sample)
}
