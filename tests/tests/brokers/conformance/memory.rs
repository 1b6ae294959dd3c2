//! The in-process bus: the example for the other fixtures.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use m2m_engine::Engine;
use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Envelope, Properties};
use m2m_memory::error::{PublishError, Refused};
use m2m_memory::link::{MemorySink, MemorySource};
use m2m_memory::{Bus, BusConfig, Client, Message, Subscription};
use m2m_tests::conformance::{Arrival, Consumer, Fixture, Note, Producer, Rejected, causes};
use m2m_tests::harness::unique;

m2m_tests::conformance!(Subject);

/// A bus of its own, and a subject that no other has.
struct Subject {
    bus: Bus,
    name: String,
}

impl Fixture for Subject {
    type Source = MemorySource;
    type Sink = MemorySink;
    type Producer = WrappedProducer;
    type Consumer = WrappedConsumer;
    type BareProducer = BareProducer;
    type BareConsumer = BareConsumer;

    const KEYS: bool = true;
    const NULLS: bool = true;
    const UNICODE_NAMES: bool = true;
    const MAX_PAYLOAD: usize = 1 << 20;

    async fn new() -> Result<Self> {
        let config = BusConfig { max_payload: Self::MAX_PAYLOAD, ..BusConfig::default() };
        Ok(Self { bus: Bus::new(config), name: unique("conformance") })
    }

    fn address(&self) -> Address {
        address(&format!("{}.subject", self.name))
    }

    fn unicode_address(&self) -> Address {
        address(&format!("{}.größe.東京", self.name))
    }

    fn nowhere(&self) -> Address {
        address("nobody.listens")
    }

    fn native_envelope(&self) -> Envelope {
        Envelope {
            // Not AMQP's alone: the bus carries whatever an envelope has.
            address: Address { exchange: "exchange".to_owned(), ..self.address() },
            key: Some(Bytes::from_static(b"\xff key")),
            payload: Some(Bytes::from_static(b"payload")),
            headers: vec![
                Header::text("x-repeated", "1"),
                Header { name: "x-null".to_owned(), value: None, amqp: None },
                Header::bytes("x-repeated", Bytes::from_static(b"\xfe\n")),
            ],
            properties: Properties {
                content_type: Some("application/json".to_owned()),
                content_encoding: Some("gzip".to_owned()),
                correlation_id: Some("1".to_owned()),
                reply_to: Some("replies".to_owned()),
                message_id: Some("2".to_owned()),
                kind: Some("kind".to_owned()),
                app_id: Some("app".to_owned()),
                expiration: Some("60000".to_owned()),
                priority: Some(9),
                persistent: Some(false),
            },
            timestamp_ms: Some(1_700_000_000_123),
            ..Envelope::default()
        }
    }

    async fn source(&self) -> Result<MemorySource> {
        Ok(self.bus.source(&format!("{}.>", self.name), "links")?)
    }

    async fn sink(&self) -> Result<MemorySink> {
        Ok(self.bus.sink())
    }

    async fn producer(&self, engine: Arc<Engine>) -> Result<WrappedProducer> {
        Ok(WrappedProducer(Client::new(self.bus.clone(), engine), self.address()))
    }

    async fn consumer(&self, engine: Arc<Engine>) -> Result<WrappedConsumer> {
        let client = Client::new(self.bus.clone(), engine);
        Ok(WrappedConsumer {
            inner: client.queue_subscribe(&self.address().name, "wrapped")?,
            last: None,
        })
    }

    async fn bare_producer(&self) -> Result<BareProducer> {
        Ok(BareProducer(self.bus.clone(), self.address()))
    }

    async fn bare_consumer(&self) -> Result<BareConsumer> {
        Ok(BareConsumer {
            inner: self.bus.queue_subscribe(&self.address().name, "bare")?,
            last: None,
        })
    }
}

fn address(subject: &str) -> Address {
    Address { name: subject.to_owned(), exchange: String::new() }
}

fn envelope(address: &Address, note: Note) -> Envelope {
    let headers = note.headers.into_iter();
    Envelope {
        address: address.clone(),
        key: note.key,
        payload: note.payload,
        headers: headers.map(|(name, value)| Header::text(name, value)).collect(),
        properties: Properties { content_encoding: note.encoding, ..Properties::default() },
        ..Envelope::default()
    }
}

fn note(envelope: &Envelope) -> Result<Note> {
    let header = |header: &Header| {
        let value = header.as_text().context("a header that is not text")?;
        Ok((header.name.clone(), value.to_owned()))
    };
    Ok(Note {
        key: envelope.key.clone(),
        headers: envelope.headers.iter().map(header).collect::<Result<_>>()?,
        encoding: envelope.properties.content_encoding.clone(),
        payload: envelope.payload.clone(),
    })
}

struct WrappedProducer(Client, Address);

impl Producer for WrappedProducer {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        let outcome = self.0.publish_envelope(envelope(&self.1, note)).await;
        outcome.map(drop).map_err(|error| Rejected {
            too_large: matches!(
                &error,
                PublishError::Refused { source: Refused::TooLarge { .. }, .. }
            ),
            text: causes(&error),
            payload: error.into_envelope().payload,
        })
    }
}

struct WrappedConsumer {
    inner: m2m_memory::Consumer,
    last: Option<Message>,
}

impl Consumer for WrappedConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        match self.inner.recv().await.context("the consumer ended")? {
            Ok(message) => {
                let note = note(&message.envelope)?;
                self.last = Some(message);
                Ok(Arrival::Opened(note))
            }
            Err(failure) => {
                let raw = failure.message.envelope.payload.clone();
                let arrival = Arrival::unopenable(raw, &failure);
                self.last = Some(*failure.message);
                Ok(arrival)
            }
        }
    }

    async fn ack(&mut self) -> Result<()> {
        Ok(self.last.take().context("nothing to acknowledge")?.ack()?)
    }
}

struct BareProducer(Bus, Address);

impl Producer for BareProducer {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        let outcome = self.0.publish(envelope(&self.1, note)).await;
        outcome.map(drop).map_err(|unsent| Rejected {
            too_large: matches!(unsent.source, Refused::TooLarge { .. }),
            text: unsent.to_string(),
            payload: unsent.envelope.payload,
        })
    }
}

struct BareConsumer {
    inner: Subscription,
    last: Option<Message>,
}

impl Consumer for BareConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        let message = self.inner.recv().await.context("the subscription ended")?;
        let note = note(&message.envelope)?;
        self.last = Some(message);
        Ok(Arrival::Opened(note))
    }

    async fn ack(&mut self) -> Result<()> {
        Ok(self.last.take().context("nothing to acknowledge")?.ack()?)
    }
}
