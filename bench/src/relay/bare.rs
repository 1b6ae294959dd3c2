//! The bare clients in a plain loop: read, send, and acknowledge in order what has been confirmed, with a bounded number in flight.

use std::collections::VecDeque;

use anyhow::{Context as _, bail};
use async_nats::jetstream::consumer::{self, PullConsumer};
use async_nats::{HeaderMap, HeaderValue};
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::Brokers;
use super::place::{Kind, Place, nats, rabbit};
use crate::brokers::kafka_client;

/// What the relay has in flight by default.
const IN_FLIGHT: usize = 1024;

/// Relays so many messages, and has them acknowledged.
pub(super) async fn relay(
    source: &Place,
    target: &Place,
    brokers: &Brokers,
    count: usize,
) -> anyhow::Result<()> {
    match (source.kind, target.kind) {
        (Kind::Stream, Kind::Kafka) => stream_to_kafka(source, target, brokers, count).await,
        (Kind::Kafka, Kind::Stream) => kafka_to_stream(source, target, brokers, count).await,
        (Kind::Rabbit, Kind::Kafka) => rabbit_to_kafka(source, target, brokers, count).await,
        _ => bail!("no such route"),
    }
}

/// As the relay's own producer: idempotent, so that nothing is doubled or reordered by a retry.
fn producer(brokers: &Brokers, name: &str) -> anyhow::Result<FutureProducer> {
    let mut client: ClientConfig = kafka_client(&brokers.kafka, name);
    client.set("enable.idempotence", "true");
    Ok(client.create()?)
}

macro_rules! into_kafka {
    ($messages:expr, $payload:ident, $acknowledge:expr, $target:expr, $brokers:expr, $count:expr) => {{
        let producer = producer($brokers, &$target.name)?;
        let (mut waiting, mut read, mut done) = (VecDeque::new(), 0, 0);
        loop {
            while read < $count && waiting.len() < IN_FLIGHT {
                let message = $messages.next().await.context("the source ended")??;
                let record = FutureRecord::<(), [u8]>::to(&$target.name).payload(&message.$payload);
                let sent = producer.send_result(record).map_err(|(error, _)| error)?;
                waiting.push_back((sent, message));
                read += 1;
                // Reading on while the oldest is not there yet.
                if waiting.len() >= IN_FLIGHT / 2 {
                    break;
                }
            }
            let (sent, message) = waiting.pop_front().context("nothing in flight")?;
            sent.await?.map_err(|(error, _)| error)?;
            $acknowledge(message).await?;
            done += 1;
            if done == $count {
                return Ok(());
            }
        }
    }};
}

async fn stream_to_kafka(
    source: &Place,
    target: &Place,
    brokers: &Brokers,
    count: usize,
) -> anyhow::Result<()> {
    let config = consumer::pull::Config {
        durable_name: Some("bare".to_owned()),
        max_ack_pending: 2 * IN_FLIGHT as i64,
        ..consumer::pull::Config::default()
    };
    let context = nats(brokers).await?;
    let consumer: PullConsumer = context.create_consumer_on_stream(config, &source.name).await?;
    let mut messages = consumer.messages().await?;
    let acknowledge = async |message: async_nats::jetstream::Message| {
        message.ack().await.map_err(anyhow::Error::from_boxed)
    };
    into_kafka!(messages, payload, acknowledge, target, brokers, count)
}

async fn rabbit_to_kafka(
    source: &Place,
    target: &Place,
    brokers: &Brokers,
    count: usize,
) -> anyhow::Result<()> {
    let (_connection, channel) = rabbit(brokers).await?;
    channel.basic_qos(2 * IN_FLIGHT as u16, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut messages =
        channel.basic_consume(source.name.as_str().into(), "".into(), options, none).await?;
    let acknowledge = async |message: lapin::message::Delivery| {
        message.ack(BasicAckOptions::default()).await.map(drop)
    };
    into_kafka!(messages, data, acknowledge, target, brokers, count)
}

async fn kafka_to_stream(
    source: &Place,
    target: &Place,
    brokers: &Brokers,
    count: usize,
) -> anyhow::Result<()> {
    let consumer: StreamConsumer = kafka_client(&brokers.kafka, &source.name).create()?;
    consumer.subscribe(&[&source.name])?;
    let (context, subject) = (nats(brokers).await?, target.subject());
    let (mut waiting, mut read, mut done) = (VecDeque::new(), 0, 0);
    loop {
        while read < count && waiting.len() < 256 {
            let message = consumer.recv().await?;
            let payload = message.payload().unwrap_or_default().to_vec().into();
            // As the relay does, so that the stream drops what is sent twice.
            let mut headers = HeaderMap::new();
            let id = format!("{}/{}/{}", message.topic(), message.partition(), message.offset());
            headers.append("Nats-Msg-Id", id.parse::<HeaderValue>()?);
            let sent = context.publish_with_headers(subject.clone(), headers, payload).await?;
            waiting.push_back((sent, message));
            read += 1;
        }
        let (sent, message) = waiting.pop_front().context("nothing in flight")?;
        sent.await?;
        done += 1;
        // A commit covers all before it; one for every 500 messages, and for the last.
        if done % 500 == 0 || done == count {
            consumer.commit_message(&message, CommitMode::Async)?;
        }
        if done == count {
            return Ok(());
        }
    }
}
