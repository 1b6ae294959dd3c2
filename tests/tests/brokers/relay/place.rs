//! Somewhere on a bus that a route reads from or writes to, made for one test.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use m2m_amqp::link::{ExchangeSink, ExchangeSinkConfig, QueueSource, QueueSourceConfig};
use m2m_engine::bus::{Address, Delivery, Envelope, Receipt, Sink, Source};
use m2m_kafka::{KafkaSink, KafkaSinkConfig, KafkaSource, KafkaSourceConfig};
use m2m_memory::{Bus, BusConfig};
use m2m_nats::link::{CoreSink, CoreSource, StreamSink, StreamSinkConfig};
use m2m_nats::link::{StreamSource, StreamSourceConfig};
use m2m_tests::harness::{Kafka, Nats, Rabbit, unique};
use rdkafka::ClientConfig;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For what must happen, but may be slow on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Memory,
    Core,
    Stream,
    Kafka,
    Rabbit,
}

/// A subject, stream, topic or queue of its own.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) memory: Option<Bus>,
}

impl Place {
    /// On the shared broker.
    pub(super) async fn new(kind: Kind) -> Result<Self> {
        let url = match kind {
            Kind::Memory => format!("memory://{}", unique("bus")),
            Kind::Core | Kind::Stream => Nats::shared().await?.url().to_owned(),
            Kind::Kafka => Kafka::shared().await?.url().to_owned(),
            Kind::Rabbit => Rabbit::shared().await?.url().to_owned(),
        };
        Self::at(kind, url).await
    }

    /// On the broker with this URL.
    pub(super) async fn at(kind: Kind, url: String) -> Result<Self> {
        let mut place = Self { kind, name: unique("relay"), url, memory: None };
        place.make().await?;
        Ok(place)
    }

    /// Another on the same bus.
    pub(super) async fn beside(&self) -> Result<Self> {
        let mut place = Self { name: unique("relay"), ..self.clone() };
        place.make().await?;
        Ok(place)
    }

    async fn make(&mut self) -> Result<()> {
        let name = self.name.clone();
        match self.kind {
            Kind::Memory => {
                let config = BusConfig { capacity: 100_000, ..BusConfig::default() };
                let bus = self.memory.get_or_insert_with(|| Bus::new(config));
                bus.declare(&format!("{name}.>"), "bridge")?;
            }
            Kind::Core => {}
            Kind::Stream => {
                let context = async_nats::jetstream::new(async_nats::connect(&self.url).await?);
                let subjects = vec![format!("{name}.>")];
                let stream =
                    async_nats::jetstream::stream::Config { name, subjects, ..Default::default() };
                context.create_stream(stream).await?;
            }
            Kind::Kafka => Kafka::at(&self.url).await?.create_topic(&name, 3).await?,
            Kind::Rabbit => {
                let connection = lapin::Connection::connect(&self.url, Default::default()).await?;
                let channel = connection.create_channel().await?;
                let options = QueueDeclareOptions { durable: true, ..Default::default() };
                channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await?;
                connection.close(200, "made".into()).await?;
            }
        }
        Ok(())
    }

    /// The name of its bus in a configuration.
    pub(super) fn bus(&self) -> &'static str {
        match self.kind {
            Kind::Memory => "memory",
            Kind::Core | Kind::Stream => "nats",
            Kind::Kafka => "kafka",
            Kind::Rabbit => "rabbit",
        }
    }

    /// Where a message of this key goes within it: a subject for some keys each, where there are subjects.
    pub(super) fn address(&self, key: usize) -> Address {
        let name = match self.kind {
            Kind::Memory | Kind::Core | Kind::Stream => format!("{}.{}", self.name, key % 3),
            Kind::Kafka | Kind::Rabbit => self.name.clone(),
        };
        Address { name, exchange: String::new() }
    }

    /// `from` of a route that reads it.
    pub(super) fn from(&self) -> String {
        let (bus, name) = (self.bus(), &self.name);
        match self.kind {
            Kind::Memory => {
                format!("{{ bus = '{bus}', subject = '{name}.>', queue_group = 'bridge' }}")
            }
            Kind::Core => {
                format!("{{ bus = '{bus}', subject = '{name}.>', queue_group = 'bridge' }}")
            }
            Kind::Stream => format!("{{ bus = '{bus}', stream = '{name}', durable = 'bridge' }}"),
            Kind::Kafka => format!("{{ bus = '{bus}', topic = '{name}', group = '{name}' }}"),
            Kind::Rabbit => format!("{{ bus = '{bus}', queue = '{name}' }}"),
        }
    }

    /// A destination of a route that writes to it, without the braces.
    pub(super) fn to(&self) -> String {
        let (bus, Address { name, .. }) = (self.bus(), self.address(0));
        match self.kind {
            Kind::Memory | Kind::Stream => format!("bus = '{bus}', subject = '{name}'"),
            Kind::Core => format!("bus = '{bus}', subject = '{name}', core = true"),
            Kind::Kafka => format!("bus = '{bus}', topic = '{name}'"),
            Kind::Rabbit => format!("bus = '{bus}', queue = '{name}'"),
        }
    }

    pub(super) fn kafka(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.url.trim_start_matches("kafka://"));
        client.set("topic.metadata.refresh.interval.ms", "1000");
        client
    }

    /// Sends, and waits until everything is confirmed.
    pub(super) async fn feed(&self, envelopes: Vec<Envelope>) -> Result<()> {
        timeout(LIMIT, async {
            match self.kind {
                Kind::Memory => {
                    feed(self.memory.as_ref().context("no bus")?.sink(), envelopes).await
                }
                Kind::Core => {
                    feed(CoreSink::new(async_nats::connect(&self.url).await?), envelopes).await
                }
                Kind::Stream => {
                    let context = async_nats::jetstream::new(async_nats::connect(&self.url).await?);
                    feed(StreamSink::new(context, StreamSinkConfig::default()), envelopes).await
                }
                Kind::Kafka => {
                    feed(KafkaSink::new(self.kafka(), KafkaSinkConfig::default())?, envelopes).await
                }
                Kind::Rabbit => {
                    let sink = ExchangeSink::connect(&self.url, ExchangeSinkConfig::default());
                    feed(sink.await?, envelopes).await
                }
            }
        })
        .await
        .with_context(|| format!("feeding {:?} took too long", self.kind))?
    }

    /// Reads everything that arrives from now on (on core NATS and the memory bus), or ever.
    pub(super) async fn taker(&self) -> Result<Taker> {
        let name = self.name.clone();
        Ok(match self.kind {
            Kind::Memory => {
                let bus = self.memory.as_ref().context("no bus")?;
                Taker::of(bus.source(&format!("{name}.>"), "taker")?)
            }
            Kind::Core => {
                let client = async_nats::connect(&self.url).await?;
                let mut source = CoreSource::new(client, format!("{name}.>"), None);
                source.ready().await?;
                Taker::of(source)
            }
            Kind::Stream => {
                let context = async_nats::jetstream::new(async_nats::connect(&self.url).await?);
                let durable = "taker".to_owned();
                Taker::of(StreamSource::new(
                    context,
                    StreamSourceConfig { stream: name, durable, ..StreamSourceConfig::default() },
                ))
            }
            Kind::Kafka => {
                let mut client = self.kafka();
                client.set("group.id", format!("{name}-taker"));
                let topics = vec![name];
                Taker::of(KafkaSource::new(
                    client,
                    KafkaSourceConfig { topics, ..KafkaSourceConfig::default() },
                )?)
            }
            Kind::Rabbit => {
                let config = QueueSourceConfig { queue: name, ..QueueSourceConfig::default() };
                Taker::of(QueueSource::connect(&self.url, config).await?)
            }
        })
    }
}

async fn feed(mut sink: impl Sink, envelopes: Vec<Envelope>) -> Result<()> {
    let mut confirmations = Vec::new();
    for envelope in envelopes {
        confirmations.push(sink.send(envelope).await?);
        // Not more than any sink lets be in flight.
        if confirmations.len() == 200 {
            try_join_all(confirmations.drain(..)).await?;
        }
    }
    try_join_all(confirmations).await?;
    Ok(sink.close().await?)
}

/// What has arrived at a place, in order.
pub(super) struct Taker {
    arrivals: mpsc::UnboundedReceiver<Envelope>,
    taken: Vec<Envelope>,
    task: JoinHandle<()>,
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Taker {
    fn of(mut source: impl Source) -> Self {
        let (tell, arrivals) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                match source.recv().await {
                    Ok(batch) => {
                        for Delivery { envelope, receipt } in batch {
                            // What is not acknowledged comes twice, which the test would see.
                            drop(receipt.ack().await);
                            if tell.send(envelope).is_err() {
                                return;
                            }
                        }
                    }
                    // A broker that is away comes again.
                    Err(error) => {
                        tracing::info!(%error, "the test's source");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
            }
        });
        Self { arrivals, taken: Vec::new(), task }
    }

    /// Waits until that many have arrived, earlier ones included; gives all that have.
    pub(super) async fn wait(&mut self, count: usize) -> Result<&[Envelope]> {
        self.wait_until(&format!("{count} messages"), |taken| taken.len() >= count).await
    }

    /// Waits until the condition holds for what has arrived.
    pub(super) async fn wait_until(
        &mut self,
        what: &str,
        condition: impl Fn(&[Envelope]) -> bool,
    ) -> Result<&[Envelope]> {
        while !condition(&self.taken) {
            match timeout(LIMIT, self.arrivals.recv()).await {
                Ok(arrival) => self.taken.push(arrival.context("the source has ended")?),
                Err(_) => anyhow::bail!("{what}: only {} have arrived", self.taken.len()),
            }
        }
        Ok(&self.taken)
    }

    /// Waits until nothing has come for a while.
    pub(super) async fn rest(&mut self) -> &[Envelope] {
        while let Ok(Some(arrival)) =
            timeout(Duration::from_millis(1500), self.arrivals.recv()).await
        {
            self.taken.push(arrival);
        }
        &self.taken
    }
}
