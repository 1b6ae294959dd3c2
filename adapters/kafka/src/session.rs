//! Sessions with other agents over topics (see [`m2m_engine::session`]): each agent has one, which its messages name as the place for answers.
//!
//! ```no_run
//! # async fn example(engine: std::sync::Arc<m2m_engine::Engine>) -> Result<(), Box<dyn std::error::Error>> {
//! use m2m_engine::bus::Address;
//! use m2m_engine::session::Settings;
//! use m2m_kafka::rdkafka::ClientConfig;
//! let mut config = ClientConfig::new();
//! config.set("bootstrap.servers", "localhost:9092").set("group.id", "worker");
//! let (agent, _listener) = m2m_kafka::session::open(&config, "agents.worker", Settings::new("worker"), engine)?;
//! let planner = Address { name: "agents.planner".into(), ..Address::default() };
//! let mut session = agent.connect(planner).await?;
//! session.send("what next?").await?;
//! println!("{:?}", session.recv().await?);
//! # Ok(()) }
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use m2m_engine::Engine;
use m2m_engine::session::{Endpoint, Listener, Moment, Place, Runtime, Settings, endpoint};
use rdkafka::ClientConfig;

use crate::error::CreateError;
use crate::link::{KafkaSink, KafkaSinkConfig, KafkaSource, KafkaSourceConfig};

/// An agent that is reached at `topic`. The configuration names `bootstrap.servers` and a `group.id` of the agent's own: agents that share a topic
/// each read all of it, and pass over what is not theirs. Runs until all its handles are gone.
///
/// It begins at the end of the topic where the group has no offset, unless `auto.offset.reset` says otherwise: sessions of the past are
/// of no use. Until Kafka has given it its partitions, which takes some seconds, it is not reached; HELLO is repeated. All messages of a
/// session have one key, and so their order.
///
/// # Errors
/// When librdkafka refuses the configuration; an unreachable broker is waited for.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn open(
    client: &ClientConfig,
    topic: impl Into<String>,
    settings: Settings,
    engine: Arc<Engine>,
) -> Result<(Endpoint, Listener), CreateError> {
    let place = Place { address: topic.into(), keyed: true };
    let mut reading = client.clone();
    if reading.get("auto.offset.reset").is_none() {
        reading.set("auto.offset.reset", "latest");
    }
    let topics = vec![place.address.clone()];
    let source =
        KafkaSource::new(reading, KafkaSourceConfig { topics, ..KafkaSourceConfig::default() })?;
    let sink = KafkaSink::new(client.clone(), KafkaSinkConfig::default())?;
    let (endpoint, listener, task) = endpoint(place, source, sink, settings, engine, Tokio);
    tokio::spawn(task);
    Ok((endpoint, listener))
}

struct Tokio;

impl Runtime for Tokio {
    fn now(&self) -> Moment {
        Moment::at(Instant::now(), SystemTime::now())
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
