//! Where producers publish and consumers receive: the same few calls whatever carries the messages.

pub(crate) mod brokers;
pub(crate) mod memory;

use std::sync::Arc;

use anyhow::bail;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::options::BasicAckOptions;
use m2m_amqp::error::ReceiveError;
use m2m_bridge::Bridge;
use m2m_engine::bus::{
    Delivery, Receipt, Source,
    headers::{Header, THREAT},
};
use m2m_engine::frame::Form;
use m2m_kafka::RecvError;
use m2m_kafka::rdkafka::consumer::CommitMode;
use m2m_kafka::rdkafka::message::{BorrowedHeaders, Headers};

use crate::figures::Arrived;
use crate::ledger::{ID, Ledger};

/// Everything between the producers and the consumers.
pub(crate) struct Buses {
    /// What carries the messages, in words.
    pub(crate) words: &'static str,
    pub(crate) bridge: Arc<Bridge>,
    /// In the order of [`crate::routing::DESTINATIONS`], as `inlets` is.
    pub(crate) destinations: Vec<Arrived>,
    pub(crate) outlet: Outlet,
    /// What the subjects of the agents' messages begin with.
    pub(crate) prefix: String,
    pub(crate) inlets: Vec<Inlet>,
    pub(crate) tap: Tap,
    /// Kept, as its consumers end with it.
    pub(crate) amqp: Option<m2m_amqp::Connection>,
}

/// Where producers publish: a wrapped client.
#[derive(Clone)]
pub(crate) enum Outlet {
    Memory(m2m_memory::Client),
    Nats(Box<m2m_nats::jetstream::Context>),
}

impl Outlet {
    /// Publishes a message; the broker has it when this returns.
    pub(crate) async fn publish(
        &self,
        subject: String,
        id: usize,
        payload: Bytes,
    ) -> anyhow::Result<()> {
        match self {
            Self::Memory(client) => {
                let headers = vec![Header::text(ID, id.to_string())];
                let published = client.publish_with_headers(subject, headers, payload).await?;
                if published.groups == 0 {
                    bail!("nobody has subscribed to what agents publish");
                }
            }
            Self::Nats(jetstream) => {
                let mut headers = HeaderMap::new();
                headers.append(ID, id.to_string());
                jetstream.publish_with_headers(subject, headers, payload).await?.await?;
            }
        }
        Ok(())
    }
}

/// Where a consumer receives: a wrapped client.
pub(crate) enum Inlet {
    Memory(m2m_memory::Consumer),
    Kafka(m2m_kafka::StreamConsumer),
    Amqp(Box<m2m_amqp::Consumer>),
}

impl Inlet {
    /// Enters in the ledger what arrives, and acknowledges it; until there is no more, which only a memory bus can know.
    pub(crate) async fn consume(
        self,
        destination: usize,
        ledger: Arc<Ledger>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Memory(consumer) => memory(consumer, destination, &ledger).await,
            Self::Kafka(consumer) => kafka(consumer, destination, &ledger).await,
            Self::Amqp(consumer) => amqp(*consumer, destination, &ledger).await,
        }
    }
}

async fn memory(
    mut consumer: m2m_memory::Consumer,
    destination: usize,
    ledger: &Ledger,
) -> anyhow::Result<()> {
    while let Some(message) = consumer.recv().await {
        match message {
            Ok(message) => {
                let payload = message.envelope.payload.as_deref().unwrap_or_default();
                ledger.arrived(destination, message.envelope.header(ID), payload);
                message.ack()?;
            }
            Err(failure) => {
                ledger.unreadable();
                failure.message.ack()?;
            }
        }
    }
    Ok(())
}

async fn kafka(
    consumer: m2m_kafka::StreamConsumer,
    destination: usize,
    ledger: &Ledger,
) -> anyhow::Result<()> {
    let id = |headers: &BorrowedHeaders| {
        let header = headers.iter().find(|header| header.key == ID)?;
        String::from_utf8(header.value?.to_vec()).ok()
    };
    loop {
        match consumer.recv().await {
            Ok(message) => {
                let id = message.headers().and_then(id);
                ledger.arrived(destination, id.as_deref(), message.payload().unwrap_or_default());
                consumer.commit_message(&message, CommitMode::Async)?;
            }
            Err(RecvError::Open(_)) => ledger.unreadable(),
            Err(error) => return Err(error.into()),
        }
    }
}

async fn amqp(
    mut consumer: m2m_amqp::Consumer,
    destination: usize,
    ledger: &Ledger,
) -> anyhow::Result<()> {
    while let Some(delivery) = consumer.next().await {
        match delivery {
            Ok(delivery) => {
                let headers = delivery.properties.headers().as_ref();
                let id = headers.and_then(|headers| headers.inner().get(ID));
                let id = id.and_then(|id| id.as_long_string()).map(ToString::to_string);
                ledger.arrived(destination, id.as_deref(), &delivery.data);
                delivery.ack(BasicAckOptions::default()).await?;
            }
            Err(ReceiveError::Open(_)) => ledger.unreadable(),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads what producers published once more, as it is on the bus: the bytes that it weighs are the frames' own.
pub(crate) enum Tap {
    Memory(m2m_memory::link::MemorySource),
    Nats(Box<m2m_nats::link::StreamSource>),
}

impl Tap {
    /// Enters in the ledger what it sees, and acknowledges it.
    pub(crate) async fn weigh(self, ledger: Arc<Ledger>) -> anyhow::Result<()> {
        match self {
            Self::Memory(source) => weigh(source, &ledger).await,
            Self::Nats(source) => weigh(*source, &ledger).await,
        }
    }
}

async fn weigh<S: Source>(mut source: S, ledger: &Ledger) -> anyhow::Result<()> {
    loop {
        for Delivery { envelope, receipt } in source.recv().await? {
            let payload = envelope.payload.as_deref().unwrap_or_default();
            let (framed, flagged) =
                (Form::of(payload) != Form::Plain, envelope.header(THREAT).is_some());
            ledger.seen(envelope.header(ID), payload.len(), framed, flagged);
            receipt.ack().await?;
        }
    }
}
