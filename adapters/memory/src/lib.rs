//! An in-process message bus that frames what it carries: the embedded default, and `memory://` in the bridge.
//!
//! ```text
//! Client::publish ─► wrap ─► Bus ─┬─► group ─► Consumer::recv ─► opened message ─► ack, nack
//!            Bus::sink (raw) ─►───┘   group ─► Bus::source (raw) ─► the relay
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use m2m_engine::{Config, Engine};
//! use m2m_memory::{Bus, Client};
//!
//! let client = Client::new(Bus::default(), Arc::new(Engine::new(Config::default())?));
//! let mut consumer = client.queue_subscribe("agents.requests", "workers")?;
//! client.publish("agents.requests", r#"{"model":"gpt-4o","messages":[]}"#).await?;
//! while let Some(message) = consumer.recv().await {
//!     let message = message?;
//!     println!("{:?}", message.envelope.payload);
//!     message.ack()?;
//! }
//! # Ok(()) }
//! ```
//!
//! Nothing is on disk: what the bus keeps is gone with its process.

mod bus;
mod client;
mod config;
mod encoding;
pub mod error;
mod groups;
mod inbound;
pub mod link;
mod message;
mod outbound;
mod queue;
pub mod session;
mod subject;
mod subscription;

pub use bus::{Bus, Published};
pub use client::Client;
pub use config::BusConfig;
pub use inbound::Consumer;
pub use message::Message;
pub use subscription::Subscription;
