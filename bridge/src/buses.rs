//! The buses of a configuration, and the sources and sinks that routes open on them.

mod amqp;
mod kafka;
mod nats;

use std::collections::BTreeMap;

use m2m_amqp::link::{ExchangeSink, QueueSource};
use m2m_kafka::{KafkaSink, KafkaSource};
use m2m_memory::{Bus as MemoryBus, BusConfig};
use m2m_nats::link::{CoreSink, CoreSource, StreamSink, StreamSource};

use crate::config::{Bus, BusKind, Config};
use crate::endpoint::{AnySink, AnySource, LinkError};
use crate::route::{Route, SinkSpec, SourceSpec};
use nats::Nats;

/// Buses within the process, by the names that `memory://NAME` uses: how a program that runs a bridge meets it.
#[derive(Debug, Clone, Default)]
pub struct MemoryBuses(BTreeMap<String, MemoryBus>);

impl MemoryBuses {
    /// The same with another bus.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, bus: MemoryBus) -> Self {
        self.0.insert(name.into(), bus);
        self
    }
}

/// All buses of one bridge.
pub(crate) struct Buses {
    bridge: String,
    by_name: BTreeMap<String, Connected>,
}

enum Connected {
    Memory(MemoryBus),
    /// One connection for all routes; the others have one for each source and sink.
    Nats(Nats),
    Kafka(Bus),
    Amqp(Bus),
}

impl Buses {
    pub(crate) fn new(config: &Config, memory: &MemoryBuses) -> Self {
        let mut memory = memory.clone();
        let by_name = config.buses.iter().map(|(name, bus)| {
            let bus = bus.get_ref();
            let connected = match bus.url.kind() {
                BusKind::Memory => {
                    let made = || memory_bus(bus);
                    let known = memory.0.entry(bus.url.hosts().to_owned()).or_insert_with(made);
                    Connected::Memory(known.clone())
                }
                BusKind::Nats => Connected::Nats(Nats::new(bus.clone())),
                BusKind::Kafka => Connected::Kafka(bus.clone()),
                BusKind::Amqp => Connected::Amqp(bus.clone()),
            };
            (name.clone(), connected)
        });
        Self { by_name: by_name.collect(), bridge: config.name.get_ref().clone() }
    }

    fn connected(&self, name: &str) -> Result<&Connected, LinkError> {
        // Routes name only buses that are there: they were checked.
        self.by_name
            .get(name)
            .ok_or_else(|| LinkError::permanent(format!("no bus is called {name}")))
    }

    /// Opens a route's source.
    pub(crate) async fn source(&self, route: &Route) -> Result<AnySource, LinkError> {
        let (connected, spec) = (self.connected(route.source.bus())?, &route.source);
        Ok(match (connected, spec) {
            (Connected::Memory(bus), SourceSpec::Memory { subject, queue_group, .. }) => {
                bus.source(subject, queue_group).map_err(LinkError::of)?.into()
            }
            (Connected::Nats(nats), SourceSpec::NatsCore { subject, queue_group, .. }) => {
                let client = nats.client(&self.bridge).await?;
                let mut source = CoreSource::new(client, subject, queue_group.clone());
                source.ready().await.map_err(LinkError::of)?;
                source.into()
            }
            (
                Connected::Nats(nats),
                SourceSpec::NatsStream { stream, durable, subjects, start, .. },
            ) => {
                let context = nats.jetstream(&self.bridge).await?;
                let config = nats::source(route, stream, durable, subjects, *start);
                let mut source = StreamSource::new(context, config);
                source.ready().await.map_err(LinkError::of)?;
                source.into()
            }
            (Connected::Kafka(bus), SourceSpec::Kafka { topics, group, start, .. }) => {
                let client = kafka::source_client(bus, &self.bridge, group, *start);
                KafkaSource::new(client, kafka::source(route, topics))
                    .map_err(LinkError::of)?
                    .into()
            }
            (Connected::Amqp(bus), SourceSpec::Amqp { queue, .. }) => {
                let config = amqp::source(bus, &self.bridge, route, queue)?;
                QueueSource::connect(&amqp::uri(bus), config).await.map_err(LinkError::of)?.into()
            }
            (
                Connected::Memory(_)
                | Connected::Nats(_)
                | Connected::Kafka(_)
                | Connected::Amqp(_),
                _,
            ) => return Err(LinkError::permanent("the source does not go with its bus")),
        })
    }

    /// Opens a sink of a route.
    pub(crate) async fn sink(&self, route: &Route, spec: &SinkSpec) -> Result<AnySink, LinkError> {
        Ok(match self.connected(&spec.bus)? {
            Connected::Memory(bus) => bus.sink().into(),
            Connected::Nats(nats) if spec.core => {
                CoreSink::new(nats.client(&self.bridge).await?).into()
            }
            Connected::Nats(nats) => {
                StreamSink::new(nats.jetstream(&self.bridge).await?, nats::sink(route)).into()
            }
            Connected::Kafka(bus) => {
                let client = kafka::client(bus, &self.bridge);
                KafkaSink::new(client, kafka::sink()).map_err(LinkError::of)?.into()
            }
            Connected::Amqp(bus) => {
                let config = amqp::sink(bus, &self.bridge, route)?;
                ExchangeSink::connect(&amqp::uri(bus), config).await.map_err(LinkError::of)?.into()
            }
        })
    }
}

fn memory_bus(bus: &Bus) -> MemoryBus {
    let mut config = BusConfig { name: bus.url.hosts().to_owned(), ..BusConfig::default() };
    if let Some(capacity) = bus.capacity {
        config.capacity = capacity;
    }
    MemoryBus::new(config)
}
