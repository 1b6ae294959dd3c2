//! Relays M2M frames between NATS, Kafka and RabbitMQ by their headers.

mod condition;
pub mod config;
mod counters;
mod facts;
mod names;
mod reason;
pub mod route;
mod template;

pub use config::{Config, ConfigError};
pub use counters::Snapshot;
pub use facts::names as fact_names;
