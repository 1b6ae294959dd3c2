//! A JetStream stream.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt;
use m2m_engine::Engine;
use m2m_engine::bus::{Address, Envelope};
use m2m_nats::error::{JetStreamPublishError, ReceiveError};
use m2m_nats::jetstream::Messages;
use m2m_nats::link::{StreamSink, StreamSinkConfig, StreamSource, StreamSourceConfig};
use m2m_tests::conformance::{Arrival, Consumer, Fixture, Note, Producer, Rejected, causes};
use m2m_tests::harness::unique;

use super::{address, bare, connect, headers, native_headers, note};

m2m_tests::conformance!(Stream);

/// A stream of its own.
struct Stream {
    context: Context,
    name: String,
}

const ACK_WAIT: Duration = Duration::from_secs(1);

impl Stream {
    /// The durable consumer of this name for the fixture's own subject.
    fn durable(&self, name: &str) -> pull::Config {
        pull::Config {
            durable_name: Some(name.to_owned()),
            filter_subject: self.address().name,
            ack_wait: ACK_WAIT,
            ..pull::Config::default()
        }
    }
}

impl Fixture for Stream {
    type Source = StreamSource;
    type Sink = StreamSink;
    type Producer = Wrapped;
    type Consumer = WrappedConsumer;
    type BareProducer = Bare;
    type BareConsumer = BareConsumer;

    const KEYS: bool = false;
    const NULLS: bool = false;
    const UNICODE_NAMES: bool = true;
    const MAX_PAYLOAD: usize = 1 << 20;

    async fn new() -> Result<Self> {
        let context = jetstream::new(connect().await?);
        let name = unique("conformance");
        let stream = jetstream::stream::Config {
            name: name.clone(),
            subjects: vec![format!("{name}.>")],
            ..jetstream::stream::Config::default()
        };
        context.create_stream(stream).await?;
        Ok(Self { context, name })
    }

    fn address(&self) -> Address {
        address(&format!("{}.subject", self.name))
    }

    fn unicode_address(&self) -> Address {
        address(&format!("{}.größe.東京", self.name))
    }

    fn nowhere(&self) -> Address {
        address(&format!("no.stream.{}", self.name))
    }

    fn native_envelope(&self) -> Envelope {
        Envelope {
            address: self.address(),
            payload: Some("payload".into()),
            headers: native_headers(),
            timestamp_ms: Some(1_700_000_000_123),
            ..Envelope::default()
        }
    }

    async fn source(&self) -> Result<StreamSource> {
        let config = StreamSourceConfig {
            stream: self.name.clone(),
            durable: "links".to_owned(),
            ack_wait: ACK_WAIT,
            nack_delay: Duration::from_millis(50),
            ..StreamSourceConfig::default()
        };
        let mut source = StreamSource::new(self.context.clone(), config);
        source.ready().await?;
        Ok(source)
    }

    async fn sink(&self) -> Result<StreamSink> {
        Ok(StreamSink::new(self.context.clone(), StreamSinkConfig::default()))
    }

    async fn producer(&self, engine: Arc<Engine>) -> Result<Wrapped> {
        let context = m2m_nats::jetstream::Context::new(self.context.clone(), engine);
        Ok(Wrapped { context, subject: self.address().name })
    }

    async fn consumer(&self, engine: Arc<Engine>) -> Result<WrappedConsumer> {
        let context = m2m_nats::jetstream::Context::new(self.context.clone(), engine);
        let stream = context.get_stream(&self.name).await?;
        let consumer = stream.get_or_create_consumer("wrapped", self.durable("wrapped")).await?;
        Ok(WrappedConsumer { messages: consumer.messages().await?, last: None })
    }

    async fn bare_producer(&self) -> Result<Bare> {
        Ok(Bare { context: self.context.clone(), subject: self.address().name })
    }

    async fn bare_consumer(&self) -> Result<BareConsumer> {
        let stream = self.context.get_stream(&self.name).await?;
        let consumer = stream.get_or_create_consumer("bare", self.durable("bare")).await?;
        Ok(BareConsumer { messages: consumer.messages().await?, last: None })
    }
}

struct Wrapped {
    context: m2m_nats::jetstream::Context,
    subject: String,
}

impl Producer for Wrapped {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        let headers = headers(&note);
        let payload = note.payload.unwrap_or_default();
        let subject = self.subject.clone();
        let sent = match self.context.publish_with_headers(subject, headers, payload).await {
            Ok(acknowledgement) => acknowledgement.await.map(drop),
            Err(error) => Err(error),
        };
        sent.map_err(|error| Rejected {
            too_large: matches!(error, JetStreamPublishError::MaxPayload { .. }),
            text: causes(&error),
            payload: Some(error.into_payload()),
        })
    }
}

struct WrappedConsumer {
    messages: Messages<pull::Stream>,
    last: Option<jetstream::Message>,
}

impl Consumer for WrappedConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        match self.messages.next().await.context("the consumer has ended")? {
            Ok(message) => {
                let arrival = Arrival::Opened(note(&message));
                self.last = Some(message);
                Ok(arrival)
            }
            Err(ReceiveError::Open(failure)) => {
                let raw = failure.message.payload.clone();
                let arrival = Arrival::unopenable(Some(raw), &*failure);
                self.last = Some(failure.message);
                Ok(arrival)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ack(&mut self) -> Result<()> {
        acknowledge(&mut self.last).await
    }
}

async fn acknowledge(last: &mut Option<jetstream::Message>) -> Result<()> {
    let message = last.take().context("nothing to acknowledge")?;
    message.double_ack().await.map_err(anyhow::Error::from_boxed)
}

struct Bare {
    context: Context,
    subject: String,
}

impl Producer for Bare {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        let headers = headers(&note);
        let payload = note.payload.unwrap_or_default();
        let subject = self.subject.clone();
        let sent = self.context.publish_with_headers(subject, headers, payload).await;
        sent.map_err(bare)?.await.map_err(bare)?;
        Ok(())
    }
}

struct BareConsumer {
    messages: pull::Stream,
    last: Option<jetstream::Message>,
}

impl Consumer for BareConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        let message = self.messages.next().await.context("the consumer has ended")??;
        let arrival = Arrival::Opened(note(&message));
        self.last = Some(message);
        Ok(arrival)
    }

    async fn ack(&mut self) -> Result<()> {
        acknowledge(&mut self.last).await
    }
}
