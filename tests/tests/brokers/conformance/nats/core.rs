//! A core subject.

use std::sync::Arc;

use anyhow::{Context, Result};
use async_nats::Client;
use futures_util::StreamExt;
use m2m_engine::Engine;
use m2m_engine::bus::{Address, Envelope, Properties};
use m2m_nats::PublishError;
use m2m_nats::link::{CoreSink, CoreSource};
use m2m_tests::conformance::{Arrival, Consumer, Fixture, Note, Producer, Rejected, causes};
use m2m_tests::harness::unique;

use super::{address, bare, connect, headers, native_headers, note, round_trip};

m2m_tests::conformance!(Subject);

/// A subject of its own, and a connection of its own.
struct Subject {
    client: Client,
    name: String,
}

impl Fixture for Subject {
    type Source = CoreSource;
    type Sink = CoreSink;
    type Producer = Wrapped;
    type Consumer = WrappedConsumer;
    type BareProducer = Bare;
    type BareConsumer = BareConsumer;

    const KEYS: bool = false;
    const NULLS: bool = false;
    const UNICODE_NAMES: bool = true;
    const MAX_PAYLOAD: usize = 1 << 20;

    async fn new() -> Result<Self> {
        Ok(Self { client: connect().await?, name: unique("conformance") })
    }

    fn address(&self) -> Address {
        address(&format!("{}.subject", self.name))
    }

    fn unicode_address(&self) -> Address {
        address(&format!("{}.größe.東京", self.name))
    }

    fn nowhere(&self) -> Address {
        address(&format!("nobody.listens.{}", self.name))
    }

    fn native_envelope(&self) -> Envelope {
        Envelope {
            address: self.address(),
            payload: Some("payload".into()),
            headers: native_headers(),
            properties: Properties { reply_to: Some("replies.1".into()), ..Properties::default() },
            ..Envelope::default()
        }
    }

    async fn source(&self) -> Result<CoreSource> {
        let subjects = format!("{}.>", self.name);
        let mut source = CoreSource::new(self.client.clone(), subjects, Some("links".into()));
        source.ready().await?;
        Ok(source)
    }

    async fn sink(&self) -> Result<CoreSink> {
        Ok(CoreSink::new(self.client.clone()))
    }

    async fn producer(&self, engine: Arc<Engine>) -> Result<Wrapped> {
        let client = m2m_nats::Client::new(self.client.clone(), engine);
        Ok(Wrapped { client, subject: self.address().name })
    }

    async fn consumer(&self, engine: Arc<Engine>) -> Result<WrappedConsumer> {
        let client = m2m_nats::Client::new(self.client.clone(), engine);
        let subscriber = client.queue_subscribe(self.address().name, "wrapped".into()).await?;
        round_trip(&self.client).await?;
        Ok(WrappedConsumer(subscriber))
    }

    async fn bare_producer(&self) -> Result<Bare> {
        Ok(Bare { client: self.client.clone(), subject: self.address().name })
    }

    async fn bare_consumer(&self) -> Result<BareConsumer> {
        let subscriber = self.client.queue_subscribe(self.address().name, "bare".into()).await?;
        round_trip(&self.client).await?;
        Ok(BareConsumer(subscriber))
    }
}

struct Wrapped {
    client: m2m_nats::Client,
    subject: String,
}

impl Producer for Wrapped {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        let headers = headers(&note);
        let payload = note.payload.unwrap_or_default();
        let sent = self.client.publish_with_headers(self.subject.clone(), headers, payload).await;
        sent.map_err(|error| Rejected {
            too_large: matches!(error, PublishError::MaxPayload { .. }),
            text: causes(&error),
            payload: Some(error.into_payload()),
        })?;
        self.client.flush().await.map_err(bare)
    }
}

struct WrappedConsumer(m2m_nats::Subscriber);

impl Consumer for WrappedConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        Ok(match self.0.next().await.context("the subscription has ended")? {
            Ok(message) => Arrival::Opened(note(&message)),
            Err(failure) => Arrival::unopenable(Some(failure.message.payload.clone()), &*failure),
        })
    }

    async fn ack(&mut self) -> Result<()> {
        Ok(())
    }
}

struct Bare {
    client: Client,
    subject: String,
}

impl Producer for Bare {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        let headers = headers(&note);
        let payload = note.payload.unwrap_or_default();
        let sent = self.client.publish_with_headers(self.subject.clone(), headers, payload).await;
        sent.map_err(bare)?;
        self.client.flush().await.map_err(bare)
    }
}

struct BareConsumer(async_nats::Subscriber);

impl Consumer for BareConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        let message = self.0.next().await.context("the subscription has ended")?;
        Ok(Arrival::Opened(note(&message)))
    }

    async fn ack(&mut self) -> Result<()> {
        Ok(())
    }
}
