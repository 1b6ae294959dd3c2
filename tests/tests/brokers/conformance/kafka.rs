//! Kafka: a topic with one partition, and one consumer group.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::Bytes;
use m2m_engine::Engine;
use m2m_engine::bus::headers::{CONTENT_ENCODING, Header};
use m2m_engine::bus::{Address, Envelope};
use m2m_kafka::{
    KafkaSink, KafkaSinkConfig, KafkaSource, KafkaSourceConfig, Located, RecvError, SendError,
};
use m2m_tests::conformance::{Arrival, Consumer, Fixture, Note, Producer, Rejected, causes};
use m2m_tests::harness::{Kafka, unique};
use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::message::{
    BorrowedHeaders, Header as KafkaHeader, Headers, Message, OwnedHeaders, OwnedMessage,
};
use rdkafka::producer::FutureRecord;

m2m_tests::conformance!(Topic);

const LIMIT: Duration = Duration::from_secs(30);

/// A topic of its own.
struct Topic {
    name: String,
    client: ClientConfig,
}

impl Fixture for Topic {
    type Source = KafkaSource;
    type Sink = KafkaSink;
    type Producer = WrappedProducer;
    type Consumer = WrappedConsumer;
    type BareProducer = BareProducer;
    type BareConsumer = BareConsumer;

    const KEYS: bool = true;
    const NULLS: bool = true;
    const UNICODE_NAMES: bool = false;
    /// librdkafka's `message.max.bytes`.
    const MAX_PAYLOAD: usize = 1_000_000;

    async fn new() -> Result<Self> {
        let kafka = Kafka::shared().await?;
        let name = unique("conformance");
        kafka.create_topic(&name, 1).await?;
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", kafka.bootstrap());
        client.set("group.id", &name);
        client.set("auto.offset.reset", "earliest");
        client.set("enable.auto.commit", "false");
        // What is not there is missed after a second instead of half a minute.
        client.set("topic.metadata.propagation.max.ms", "1000");
        Ok(Self { name, client })
    }

    fn address(&self) -> Address {
        Address { name: self.name.clone(), ..Address::default() }
    }

    fn unicode_address(&self) -> Address {
        Address { name: "conformance-größe-東京".to_owned(), ..Address::default() }
    }

    fn nowhere(&self) -> Address {
        Address { name: unique("nowhere"), ..Address::default() }
    }

    fn native_envelope(&self) -> Envelope {
        // Kafka deletes what is stamped as old.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Envelope {
            address: self.address(),
            key: Some(Bytes::from_static(b"\0\xff key")),
            payload: Some(Bytes::from_static(b"\xfe payload")),
            headers: vec![
                Header::text("x-repeated", "1"),
                Header { name: "x-null".to_owned(), value: None, amqp: None },
                Header::text("x-empty", ""),
                Header::bytes("x-repeated", Bytes::from_static(b"\xfe\n\0")),
                Header::text("größe 東京", "unicode"),
                Header::text("", "no name"),
            ],
            timestamp_ms: i64::try_from(now.as_millis()).ok(),
            ..Envelope::default()
        }
    }

    async fn source(&self) -> Result<KafkaSource> {
        let config = KafkaSourceConfig {
            topics: vec![self.name.clone()],
            nack_backoff: Duration::from_millis(200),
            ..KafkaSourceConfig::default()
        };
        Ok(KafkaSource::new(self.client.clone(), config)?)
    }

    async fn sink(&self) -> Result<KafkaSink> {
        Ok(KafkaSink::new(self.client.clone(), KafkaSinkConfig::default())?)
    }

    async fn producer(&self, engine: Arc<Engine>) -> Result<WrappedProducer> {
        let client = m2m_kafka::FutureProducer::from_config(&self.client, engine)?;
        Ok(WrappedProducer { topic: self.name.clone(), client })
    }

    async fn consumer(&self, engine: Arc<Engine>) -> Result<WrappedConsumer> {
        let client = m2m_kafka::StreamConsumer::from_config(&self.client, engine)?;
        client.subscribe(&[&self.name])?;
        Ok(WrappedConsumer { client, last: None })
    }

    async fn bare_producer(&self) -> Result<BareProducer> {
        Ok(BareProducer { topic: self.name.clone(), client: self.client.create()? })
    }

    async fn bare_consumer(&self) -> Result<BareConsumer> {
        let client: rdkafka::consumer::StreamConsumer = self.client.create()?;
        client.subscribe(&[&self.name])?;
        Ok(BareConsumer { client, last: None })
    }
}

struct WrappedProducer {
    topic: String,
    client: m2m_kafka::FutureProducer,
}

impl Producer for WrappedProducer {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        match self.client.send(record(&self.topic, &note), LIMIT).await {
            Ok(_) => Ok(()),
            Err((error, message)) => Err(Rejected {
                payload: message.payload().map(Bytes::copy_from_slice),
                too_large: matches!(error, SendError::TooLarge { .. }),
                text: causes(&error),
            }),
        }
    }
}

struct BareProducer {
    topic: String,
    client: rdkafka::producer::FutureProducer,
}

impl Producer for BareProducer {
    async fn publish(&mut self, note: Note) -> Result<(), Rejected> {
        match self.client.send(record(&self.topic, &note), LIMIT).await {
            Ok(_) => Ok(()),
            Err((error, _)) => {
                Err(Rejected { payload: note.payload, too_large: false, text: error.to_string() })
            }
        }
    }
}

fn record<'a>(topic: &'a str, note: &'a Note) -> FutureRecord<'a, [u8], [u8]> {
    let headers = note.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let encoding = note.encoding.iter().map(|value| (CONTENT_ENCODING, value.as_str()));
    let headers = headers.chain(encoding).fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(KafkaHeader { key, value: Some(value) })
    });
    FutureRecord {
        payload: note.payload.as_deref(),
        key: note.key.as_deref(),
        headers: (headers.count() > 0).then_some(headers),
        ..FutureRecord::to(topic)
    }
}

struct WrappedConsumer {
    client: m2m_kafka::StreamConsumer,
    last: Option<OwnedMessage>,
}

impl Consumer for WrappedConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        match self.client.recv().await {
            Ok(message) => {
                self.last = Some(message.raw().detach());
                Ok(Arrival::Opened(note(message.key(), message.payload(), message.headers())?))
            }
            Err(RecvError::Open(failure)) => {
                let raw = failure.message.payload().map(Bytes::copy_from_slice);
                let arrival = Arrival::unopenable(raw, &*failure);
                self.last = Some(failure.message);
                Ok(arrival)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ack(&mut self) -> Result<()> {
        let last = self.last.as_ref().context("nothing came")?;
        Ok(self.client.commit_message(last, CommitMode::Sync)?)
    }
}

struct BareConsumer {
    client: rdkafka::consumer::StreamConsumer,
    last: Option<OwnedMessage>,
}

impl Consumer for BareConsumer {
    async fn next(&mut self) -> Result<Arrival> {
        let message = self.client.recv().await?;
        self.last = Some(message.detach());
        Ok(Arrival::Opened(note(message.key(), message.payload(), message.headers())?))
    }

    async fn ack(&mut self) -> Result<()> {
        let (topic, partition, offset) = self.last.as_ref().context("nothing came")?.location();
        let mut next = rdkafka::TopicPartitionList::new();
        next.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset + 1))?;
        Ok(self.client.commit(&next, CommitMode::Sync)?)
    }
}

fn note(
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
    headers: Option<&BorrowedHeaders>,
) -> Result<Note> {
    let mut note = Note {
        key: key.map(Bytes::copy_from_slice),
        payload: payload.map(Bytes::copy_from_slice),
        ..Note::default()
    };
    for header in headers.into_iter().flat_map(Headers::iter) {
        let value = String::from_utf8(header.value.unwrap_or_default().to_vec())?;
        if header.key == CONTENT_ENCODING {
            note.encoding = Some(value);
        } else {
            note.headers.push((header.key.to_owned(), value));
        }
    }
    Ok(note)
}
