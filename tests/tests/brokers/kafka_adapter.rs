//! What only Kafka has, and what its client makes easy to get wrong. What all adapters share is in `conformance/`.

mod consumer;
mod hostile;
mod producer;
mod rebalance;
mod restart;
mod sink;
mod source;
mod transactions;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use m2m_engine::bus::{Address, Delivery, Envelope, Sink, Source};
use m2m_engine::{Config, Engine};
use m2m_kafka::{KafkaReceipt, KafkaSink, KafkaSinkConfig, KafkaSource, KafkaSourceConfig};
use m2m_tests::harness::{Kafka, unique};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const LIMIT: Duration = Duration::from_secs(60);

/// Waits for `future`, but not for ever.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    let waited = tokio::time::timeout(LIMIT, future).await;
    waited.with_context(|| format!("not within {LIMIT:?}: {what}"))
}

fn engine() -> Result<Arc<Engine>> {
    Ok(Arc::new(Engine::new(Config::default())?))
}

/// A payload that is framed, of at least so many bytes.
fn request(len: usize) -> String {
    let question = "Which of the shipments that left Rotterdam are late? ".repeat(len / 50 + 8);
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{question}"}}]}}"#)
}

/// A payload that is framed and hardly shrinks.
fn incompressible(len: usize) -> String {
    let mut state: u64 = 42;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
                [(state >> 32) as usize % 64],
        )
    };
    let text: String = (0..len).map(letter).collect();
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]}}"#)
}

/// A topic of the test's own on a broker, with a group of the same name.
struct Topic {
    name: String,
    client: ClientConfig,
}

impl Topic {
    async fn new(partitions: i32) -> Result<Self> {
        Self::on(Kafka::shared().await?, partitions).await
    }

    async fn on(kafka: &Kafka, partitions: i32) -> Result<Self> {
        let name = unique("adapter");
        kafka.create_topic(&name, partitions).await?;
        Ok(Self { client: client(kafka, &name), name })
    }

    /// The client's configuration with one more property.
    fn with(&self, property: &str, value: &str) -> ClientConfig {
        let mut client = self.client.clone();
        client.set(property, value);
        client
    }

    /// Gives the topic a configuration of its own.
    async fn limit(&self, property: &str, value: &str) -> Result<()> {
        let admin: AdminClient<_> = self.client.create()?;
        let altered = [AlterConfig::new(ResourceSpecifier::Topic(&self.name)).set(property, value)];
        let options = AdminOptions::new();
        let answer =
            within("the topic is altered", admin.alter_configs(&altered, &options)).await??;
        answer.into_iter().next().context("no answer")?.map_err(|(_, code)| code)?;
        Ok(())
    }

    fn source_config(&self) -> KafkaSourceConfig {
        KafkaSourceConfig {
            topics: vec![self.name.clone()],
            nack_backoff: Duration::from_millis(200),
            ..KafkaSourceConfig::default()
        }
    }

    fn source(&self) -> Result<KafkaSource> {
        Ok(KafkaSource::new(self.client.clone(), self.source_config())?)
    }

    fn sink(&self) -> Result<KafkaSink> {
        Ok(KafkaSink::new(self.client.clone(), KafkaSinkConfig::default())?)
    }

    fn envelope(&self, payload: impl Into<Bytes>) -> Envelope {
        Envelope {
            address: Address { name: self.name.clone(), ..Address::default() },
            payload: Some(payload.into()),
            ..Envelope::default()
        }
    }

    /// A numbered message, whose key picks its partition.
    fn numbered(&self, number: usize, keys: usize) -> Envelope {
        let key = format!("key-{}", number % keys);
        Envelope { key: Some(key.into()), ..self.envelope(number.to_string()) }
    }

    /// Sends numbered messages, all of them under way at once.
    async fn fill(&self, count: usize, keys: usize) -> Result<()> {
        let mut sink = self.sink()?;
        let mut confirmations = Vec::new();
        for number in 0..count {
            let sent = within("a message is sent", sink.send(self.numbered(number, keys)));
            confirmations.push(sent.await??);
        }
        for confirmation in confirmations {
            within("a message is confirmed", confirmation).await??;
        }
        Ok(within("the sink closes", sink.close()).await??)
    }

    /// What the group has committed, by partition.
    async fn committed(&self, partitions: i32) -> Result<BTreeMap<i32, i64>> {
        let (client, name) = (self.client.clone(), self.name.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = client.create()?;
            let mut list = TopicPartitionList::new();
            list.add_partition_range(&name, 0, partitions - 1);
            let list = consumer.committed_offsets(list, LIMIT)?;
            let offset = |offset| match offset {
                Offset::Offset(offset) => offset,
                _ => 0,
            };
            anyhow::Ok(
                list.elements().iter().map(|e| (e.partition(), offset(e.offset()))).collect(),
            )
        });
        asked.await?
    }
}

fn client(kafka: &Kafka, group: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", kafka.bootstrap());
    client.set("group.id", group);
    client.set("auto.offset.reset", "earliest");
    client
}

/// The next `count` messages of a source, unsettled.
async fn take(source: &mut KafkaSource, count: usize) -> Result<Vec<Delivery<KafkaReceipt>>> {
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        let had = deliveries.len();
        let batch = within("the source gives messages", source.recv()).await;
        deliveries.extend(batch.with_context(|| format!("{had} of {count} came"))??);
    }
    if deliveries.len() > count {
        bail!("{} came in the place of {count}", deliveries.len());
    }
    Ok(deliveries)
}

fn number(envelope: &Envelope) -> Result<usize> {
    let payload = envelope.payload.as_deref().context("a null payload")?;
    Ok(std::str::from_utf8(payload)?.parse()?)
}

/// Partition and offset, from the identity.
fn place(envelope: &Envelope) -> Result<(i32, i64)> {
    let identity = envelope.identity.as_deref().context("no identity")?;
    let mut parts = identity.rsplit('/');
    let (offset, partition) = (parts.next(), parts.next());
    Ok((partition.context(identity.to_owned())?.parse()?, offset.context("offset")?.parse()?))
}
