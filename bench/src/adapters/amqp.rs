//! RabbitMQ: published with confirms, then consumed.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use m2m_engine::{Engine, Outbound};
use m2m_tests::harness::{Rabbit, unique};

use crate::brokers::{IN_FLIGHT, Sample, Stopwatch};

macro_rules! pass {
    ($channel:expr, $queue:expr, $payloads:expr) => {{
        let channel = $channel;
        let watch = Stopwatch::begin();
        let mut waiting = VecDeque::new();
        for payload in $payloads {
            if waiting.len() >= IN_FLIGHT {
                waiting.pop_front().context("none in flight")?.await?;
            }
            let (options, properties) = (BasicPublishOptions::default(), persistent());
            let sent =
                channel.basic_publish("".into(), $queue.into(), options, payload, properties);
            waiting.push_back(sent.await?);
        }
        for confirmed in waiting {
            confirmed.await?;
        }
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let mut deliveries =
            channel.basic_consume($queue.into(), "".into(), options, FieldTable::default()).await?;
        for payload in $payloads {
            let delivery = deliveries.next().await.context("the consumer ended")??;
            anyhow::ensure!(delivery.data == *payload, "another message than was sent");
        }
        watch
    }};
}

/// What RabbitMQ says of a queue's bytes: the sum of its messages' contents.
pub(super) fn contents(engine: Option<&Arc<Engine>>, payloads: &[Bytes]) -> anyhow::Result<u64> {
    let content = |payload: &Bytes| match engine {
        Some(engine) => Ok(engine.wrap(payload, &Outbound::to("/queue"))?.bytes.len() as u64),
        None => Ok(payload.len() as u64),
    };
    payloads.iter().map(content).sum()
}

fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2)
}

pub(super) async fn round(
    rabbit: &Rabbit,
    engine: Option<&Arc<Engine>>,
    payloads: &[Bytes],
    stored: u64,
) -> anyhow::Result<Sample> {
    let connection = Connection::connect(rabbit.url(), ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let queue = unique("adapters");
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await?;
    let watch = match engine {
        None => pass!(&channel, queue.as_str(), payloads),
        Some(engine) => {
            let channel = m2m_amqp::Channel::new(channel.clone(), Arc::clone(engine));
            pass!(&channel, queue.as_str(), payloads)
        }
    };
    let sample = watch.sample(stored);
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
    connection.close(200, "measured".into()).await?;
    Ok(sample)
}
