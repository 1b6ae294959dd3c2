//! RabbitMQ: an exchange, and behind it a queue for each group.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Acker, BasicProperties, ConnectionProperties, ExchangeKind};
use m2m_amqp::error::{PublishError, ReceiveError};
use m2m_amqp::link::{ExchangeSink, ExchangeSinkConfig, QueueSource, QueueSourceConfig};
use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Envelope, Properties};
use m2m_engine::{Engine, WrapError};
use m2m_tests::conformance::{Arrival, Consumer, Fixture, Note, Producer, Rejected, causes};
use m2m_tests::harness::{Rabbit, unique};

m2m_tests::conformance!(Exchange);

const ROUTING_KEY: &str = "conformance.key";
const PERSISTENT: u8 = 2;

/// An exchange of its own, whose messages go to a queue for each of the three groups.
struct Exchange {
    url: &'static str,
    name: String,
}

impl Exchange {
    fn queue(&self, group: &str) -> String {
        format!("{}.{group}", self.name)
    }

    async fn channel(&self) -> Result<(lapin::Connection, lapin::Channel)> {
        let connection =
            lapin::Connection::connect(self.url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok((connection, channel))
    }

    async fn wrapped(
        &self,
        engine: Arc<Engine>,
    ) -> Result<(m2m_amqp::Connection, m2m_amqp::Channel)> {
        let options = ConnectionProperties::default();
        let connection = m2m_amqp::Connection::connect(self.url, options, engine).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok((connection, channel))
    }
}

impl Fixture for Exchange {
    type Source = QueueSource;
    type Sink = ExchangeSink;
    type Producer = WrappedProducer;
    type Consumer = WrappedConsumer;
    type BareProducer = BareProducer;
    type BareConsumer = BareConsumer;

    const KEYS: bool = false;
    const NULLS: bool = false;
    const UNICODE_NAMES: bool = true;
    /// RabbitMQ takes 16 MiB (4.x) or 128 MiB (3.x).
    const MAX_PAYLOAD: usize = 16 << 20;

    async fn new() -> Result<Self> {
        let fixture = Self { url: Rabbit::shared().await?.url(), name: unique("conformance") };
        let (_connection, channel) = fixture.channel().await?;
        let none = FieldTable::default;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let name = fixture.name.as_str();
        channel.exchange_declare(name.into(), ExchangeKind::Topic, durable, none()).await?;
        for group in ["links", "wrapped", "bare"] {
            let queue = fixture.queue(group);
            let queue = queue.as_str();
            channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), none()).await?;
            let bind = QueueBindOptions::default();
            channel.queue_bind(queue.into(), name.into(), "#".into(), bind, none()).await?;
        }
        Ok(fixture)
    }

    fn address(&self) -> Address {
        Address { name: ROUTING_KEY.to_owned(), exchange: self.name.clone() }
    }

    fn unicode_address(&self) -> Address {
        Address { name: "conformance.größe.東京".to_owned(), exchange: self.name.clone() }
    }

    fn nowhere(&self) -> Address {
        Address { name: self.queue("nobody"), exchange: String::new() }
    }

    fn native_envelope(&self) -> Envelope {
        Envelope {
            address: self.address(),
            payload: Some(Bytes::from_static(b"payload")),
            headers: vec![
                Header::bytes("x-bytes", Bytes::from_static(b"\xff\0")),
                Header {
                    name: "x-count".to_owned(),
                    value: Some(Bytes::from_static(b"42")),
                    amqp: Some(Bytes::from_static(b"I\0\0\0\x2a")),
                },
                Header { name: "x-null".to_owned(), value: None, amqp: None },
                Header {
                    name: "x-table".to_owned(),
                    value: Some(Bytes::from_static(br#"{"on":true}"#)),
                    amqp: Some(Bytes::from_static(b"F\0\0\0\x05\x02ont\x01")),
                },
                Header::text("x-text", "größte Reederei"),
            ],
            properties: Properties {
                content_type: Some("application/json".to_owned()),
                content_encoding: Some("gzip".to_owned()),
                correlation_id: Some("correlation".to_owned()),
                reply_to: Some("replies".to_owned()),
                message_id: Some("message".to_owned()),
                kind: Some("kind".to_owned()),
                app_id: Some("app".to_owned()),
                expiration: Some("600000".to_owned()),
                priority: Some(9),
                persistent: Some(false),
            },
            timestamp_ms: Some(1_700_000_000_123),
            ..Envelope::default()
        }
    }

    async fn source(&self) -> Result<QueueSource> {
        let config = QueueSourceConfig { queue: self.queue("links"), ..Default::default() };
        Ok(QueueSource::connect(self.url, config).await?)
    }

    async fn sink(&self) -> Result<ExchangeSink> {
        Ok(ExchangeSink::connect(self.url, ExchangeSinkConfig::default()).await?)
    }

    async fn producer(&self, engine: Arc<Engine>) -> Result<WrappedProducer> {
        let (_connection, channel) = self.wrapped(engine).await?;
        Ok(WrappedProducer { channel, exchange: self.name.clone(), _connection })
    }

    async fn consumer(&self, engine: Arc<Engine>) -> Result<WrappedConsumer> {
        let (_connection, channel) = self.wrapped(engine).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let queue = self.queue("wrapped");
        let inner = channel.basic_consume(queue.into(), "".into(), options, none).await?;
        Ok(WrappedConsumer { inner, last: None, _connection })
    }

    async fn bare_producer(&self) -> Result<BareProducer> {
        let (_connection, channel) = self.channel().await?;
        Ok(BareProducer { channel, exchange: self.name.clone(), _connection })
    }

    async fn bare_consumer(&self) -> Result<BareConsumer> {
        let (_connection, channel) = self.channel().await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let queue = self.queue("bare");
        let inner = channel.basic_consume(queue.into(), "".into(), options, none).await?;
        Ok(BareConsumer { inner, last: None, _connection })
    }
}

fn properties(note: &Note) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in &note.headers {
        headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    let properties =
        BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
    match &note.encoding {
        Some(encoding) => properties.with_content_encoding(encoding.as_str().into()),
        None => properties,
    }
}

fn note(delivery: &Delivery) -> Result<Note> {
    let mut headers = Vec::new();
    for (name, value) in delivery.properties.headers().iter().flatten() {
        if let AMQPValue::LongString(value) = value {
            let value = String::from_utf8(value.as_bytes().to_vec())?;
            headers.push((name.to_string(), value));
        }
    }
    Ok(Note {
        key: None,
        headers,
        encoding: delivery.properties.content_encoding().as_ref().map(ToString::to_string),
        payload: Some(Bytes::copy_from_slice(&delivery.data)),
    })
}

struct WrappedProducer {
    channel: m2m_amqp::Channel,
    exchange: String,
    _connection: m2m_amqp::Connection,
}

impl WrappedProducer {
    async fn try_publish(&self, note: &Note) -> Result<(), PublishError> {
        let payload = note.payload.clone().unwrap_or_default();
        let (exchange, key) = (self.exchange.as_str(), ROUTING_KEY);
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = properties(note);
        self.channel
            .basic_publish(exchange.into(), key.into(), options, &payload, properties)
            .await?
            .await?;
        Ok(())
    }
}

impl Producer for WrappedProducer {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        self.try_publish(&note).await.map_err(|error| Rejected {
            too_large: matches!(
                &error,
                PublishError::TooLong { .. }
                    | PublishError::Wrap {
                        source: WrapError::PayloadTooLong { .. } | WrapError::FrameTooLong { .. },
                        ..
                    }
            ),
            text: causes(&error),
            payload: Some(error.into_payload()),
        })
    }
}

struct WrappedConsumer {
    inner: m2m_amqp::Consumer,
    last: Option<Acker>,
    _connection: m2m_amqp::Connection,
}

impl Consumer for WrappedConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        match self.inner.next().await.context("the consumer ended")? {
            Ok(delivery) => {
                self.last = Some(delivery.acker.clone());
                Ok(Arrival::Opened(note(&delivery)?))
            }
            Err(ReceiveError::Open(failure)) => {
                self.last = Some(failure.message.acker.clone());
                let raw = Bytes::copy_from_slice(&failure.message.data);
                Ok(Arrival::unopenable(Some(raw), &ReceiveError::Open(failure)))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ack(&mut self) -> Result<()> {
        acknowledge(self.last.take()).await
    }
}

struct BareProducer {
    channel: lapin::Channel,
    exchange: String,
    _connection: lapin::Connection,
}

impl BareProducer {
    async fn try_publish(&self, note: &Note) -> Result<()> {
        let payload = note.payload.clone().unwrap_or_default();
        let (exchange, key) = (self.exchange.as_str(), ROUTING_KEY);
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = properties(note);
        let confirmation = self
            .channel
            .basic_publish(exchange.into(), key.into(), options, &payload, properties)
            .await?
            .await?;
        anyhow::ensure!(
            confirmation == lapin::Confirmation::Ack(None),
            "not confirmed: {confirmation:?}"
        );
        Ok(())
    }
}

impl Producer for BareProducer {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        self.try_publish(&note).await.map_err(|error| Rejected {
            payload: note.payload,
            too_large: false,
            text: error.to_string(),
        })
    }
}

struct BareConsumer {
    inner: lapin::Consumer,
    last: Option<Acker>,
    _connection: lapin::Connection,
}

impl Consumer for BareConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        let delivery = self.inner.next().await.context("the consumer ended")??;
        let note = note(&delivery)?;
        self.last = Some(delivery.acker);
        Ok(Arrival::Opened(note))
    }

    async fn ack(&mut self) -> Result<()> {
        acknowledge(self.last.take()).await
    }
}

async fn acknowledge(last: Option<Acker>) -> Result<()> {
    let last = last.context("nothing to acknowledge")?;
    anyhow::ensure!(last.ack(BasicAckOptions::default()).await?, "the channel is closed");
    Ok(())
}
