//! Relays M2M frames between NATS, Kafka and RabbitMQ by their headers.

mod bridge;
mod buses;
mod condition;
pub mod config;
mod counters;
mod dead_letter;
mod endpoint;
mod facts;
mod guard;
mod names;
mod reason;
mod relay;
pub mod route;
mod template;

pub use bridge::{Bridge, BridgeError, Report};
pub use buses::MemoryBuses;
pub use config::{Config, ConfigError};
pub use counters::Snapshot;
pub use facts::names as fact_names;
