//! Sessions between two agents, on each bus.

mod attacks;
mod restart;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use m2m_engine::bus::Address;
use m2m_engine::secure::KeyMaterial;
use m2m_engine::session::{Endpoint, Listener, Protection, Session, Settings, Timeouts};
use m2m_engine::{Config, Engine};
use m2m_tests::harness::{Kafka, Nats, Rabbit, unique};
use rdkafka::ClientConfig;

/// More than any of it takes, on a machine that builds something else at the time.
const DEADLINE: Duration = Duration::from_secs(120);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(DEADLINE, future)
        .await
        .with_context(|| format!("not within {DEADLINE:?}: {what}"))
}

fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(Config::default()).unwrap())
}

fn organisation(byte: u8) -> Protection {
    Protection::Authenticated(KeyMaterial::from([byte; 32]))
}

fn settings(id: &str, protection: Protection) -> Settings {
    Settings::new(id).with_protection(protection)
}

/// Settings of an agent that gives up soon.
fn impatient(id: &str, protection: Protection) -> Settings {
    let timeouts = Timeouts {
        handshake: Duration::from_secs(3),
        hello_again: Duration::from_secs(1),
        ..Timeouts::default()
    };
    Settings { timeouts, ..settings(id, protection) }
}

/// A bus on which agents can be put.
#[derive(Clone, Copy)]
enum Bus<'a> {
    Memory(&'a m2m_memory::Client),
    Nats(&'a Nats),
    Kafka(&'a Kafka),
    Amqp(&'a Rabbit),
}

struct Agent {
    endpoint: Endpoint,
    listener: Listener,
    address: Address,
}

fn address(name: &str) -> Address {
    Address { name: name.to_owned(), ..Address::default() }
}

impl Bus<'_> {
    async fn agent(self, settings: Settings) -> Result<Agent> {
        let name = unique(&settings.agent_id);
        let (endpoint, listener) = match self {
            Self::Memory(client) => m2m_memory::session::open(client, &name, settings)?,
            Self::Nats(nats) => {
                let client = m2m_nats::connect(nats.url(), engine()).await?;
                m2m_nats::session::open(&client, &*name, settings).await?
            }
            Self::Kafka(kafka) => {
                kafka.create_topic(&name, 2).await?;
                let mut config = ClientConfig::new();
                config.set("bootstrap.servers", kafka.bootstrap()).set("group.id", &name);
                m2m_kafka::session::open(&config, &*name, settings, engine())?
            }
            Self::Amqp(rabbit) => {
                m2m_amqp::session::open(rabbit.url(), &name, settings, engine()).await?
            }
        };
        Ok(Agent { endpoint, listener, address: address(&name) })
    }
}

/// A session between two agents, at both ends.
async fn session(from: &Agent, to: &mut Agent) -> Result<(Session, Session)> {
    let asking = within("the peer to answer", from.endpoint.connect(to.address.clone())).await??;
    let answering = within("a session", to.listener.accept()).await?.context("no session")?;
    Ok((asking, answering))
}
