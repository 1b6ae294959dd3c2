//! A stream, topic or queue that is filled, relayed from or to, and read.

use std::collections::VecDeque;

use anyhow::Context as _;
use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use m2m_tests::harness::unique;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use super::Brokers;
use super::pace::Gauge;
use crate::brokers::{IN_FLIGHT, kafka_client};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Stream,
    Kafka,
    Rabbit,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stream => "JetStream",
            Self::Kafka => "Kafka",
            Self::Rabbit => "RabbitMQ",
        }
    }
}

pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) name: String,
}

impl Place {
    pub(super) async fn new(kind: Kind, brokers: &Brokers) -> anyhow::Result<Self> {
        let name = unique("relay");
        match kind {
            Kind::Stream => {
                let subjects = vec![format!("{name}.>")];
                let config =
                    stream::Config { name: name.clone(), subjects, ..stream::Config::default() };
                nats(brokers).await?.create_stream(config).await?;
            }
            Kind::Kafka => brokers.kafka.create_topic(&name, 1).await?,
            Kind::Rabbit => {
                let (connection, channel) = rabbit(brokers).await?;
                let options =
                    QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
                channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await?;
                connection.close(200, "made".into()).await?;
            }
        }
        Ok(Self { kind, name })
    }

    pub(super) fn subject(&self) -> String {
        format!("{}.a", self.name)
    }

    pub(super) fn from(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Stream => format!("{{ bus = 'nats', stream = '{name}', durable = 'bridge' }}"),
            Kind::Kafka => format!("{{ bus = 'kafka', topic = '{name}', group = '{name}' }}"),
            Kind::Rabbit => format!("{{ bus = 'rabbit', queue = '{name}' }}"),
        }
    }

    pub(super) fn to(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Stream => format!("{{ bus = 'nats', subject = '{}' }}", self.subject()),
            Kind::Kafka => format!("{{ bus = 'kafka', topic = '{name}' }}"),
            Kind::Rabbit => format!("{{ bus = 'rabbit', queue = '{name}' }}"),
        }
    }

    pub(super) async fn fill(&self, brokers: &Brokers, frames: &[Bytes]) -> anyhow::Result<()> {
        match self.kind {
            Kind::Stream => {
                let context = nats(brokers).await?;
                let mut waiting = VecDeque::new();
                for frame in frames {
                    if waiting.len() >= IN_FLIGHT {
                        let sent: jetstream::context::PublishAckFuture =
                            waiting.pop_front().context("none in flight")?;
                        sent.await?;
                    }
                    waiting.push_back(context.publish(self.subject(), frame.clone()).await?);
                }
                for sent in waiting {
                    sent.await?;
                }
            }
            Kind::Kafka => {
                let producer: FutureProducer = kafka_client(&brokers.kafka, &self.name).create()?;
                let mut waiting = Vec::new();
                for frame in frames {
                    let record = FutureRecord::<(), [u8]>::to(&self.name).payload(frame);
                    waiting.push(producer.send_result(record).map_err(|(error, _)| error)?);
                }
                for delivery in waiting {
                    delivery.await?.map_err(|(error, _)| error)?;
                }
            }
            Kind::Rabbit => {
                let (connection, channel) = rabbit(brokers).await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                for frame in frames {
                    let properties = BasicProperties::default().with_delivery_mode(2);
                    let options = BasicPublishOptions::default();
                    let name = self.name.as_str().into();
                    drop(channel.basic_publish("".into(), name, options, frame, properties).await?);
                }
                channel.wait_for_confirms().await?;
                connection.close(200, "filled".into()).await?;
            }
        }
        Ok(())
    }

    /// All messages that lie there.
    pub(super) async fn take(&self, brokers: &Brokers) -> anyhow::Result<Vec<Bytes>> {
        let count = Gauge::new(self, brokers).await?.read().await?;
        let mut taken = Vec::with_capacity(count);
        match self.kind {
            Kind::Stream => {
                let config = consumer::pull::Config {
                    ack_policy: consumer::AckPolicy::None,
                    ..consumer::pull::Config::default()
                };
                let context = nats(brokers).await?;
                let consumer: consumer::PullConsumer =
                    context.create_consumer_on_stream(config, &self.name).await?;
                let mut messages = consumer.messages().await?;
                while taken.len() < count {
                    taken.push(messages.next().await.context("ended")??.payload.clone());
                }
            }
            Kind::Kafka => {
                let consumer: StreamConsumer = kafka_client(&brokers.kafka, &self.name).create()?;
                let mut from = TopicPartitionList::new();
                from.add_partition_offset(&self.name, 0, Offset::Beginning)?;
                consumer.assign(&from)?;
                while taken.len() < count {
                    let message = consumer.recv().await?;
                    taken.push(Bytes::copy_from_slice(message.payload().unwrap_or_default()));
                }
            }
            Kind::Rabbit => anyhow::bail!("no route of this benchmark ends there"),
        }
        Ok(taken)
    }

    pub(super) async fn remove(&self, brokers: &Brokers) -> anyhow::Result<()> {
        match self.kind {
            Kind::Stream => {
                nats(brokers).await?.delete_stream(&self.name).await?;
            }
            // Gone with the broker.
            Kind::Kafka => {}
            Kind::Rabbit => {
                let (connection, channel) = rabbit(brokers).await?;
                let options = QueueDeleteOptions::default();
                channel.queue_delete(self.name.as_str().into(), options).await?;
                connection.close(200, "removed".into()).await?;
            }
        }
        Ok(())
    }
}

pub(super) async fn nats(brokers: &Brokers) -> anyhow::Result<jetstream::Context> {
    Ok(jetstream::new(async_nats::connect(brokers.nats.url()).await?))
}

pub(super) async fn rabbit(brokers: &Brokers) -> anyhow::Result<(Connection, lapin::Channel)> {
    let options = ConnectionProperties::default();
    let connection = Connection::connect(brokers.rabbit.url(), options).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}
