//! lapin, with payloads framed and opened: change a type, and keep the calls.
//!
//! ```text
//! basic_publish ─► wrap ─► lapin ─► RabbitMQ ─► lapin ─► open ─► basic_consume, basic_get     Channel
//!                                      │ ▲
//!                                      ▼ │
//!                          the relay, which opens nothing                                       link
//! ```
//!
//! [`Channel`] is a newtype over [`lapin::Channel`] with its call names, arguments and success values. Deliveries are lapin's own,
//! opened; a message that cannot be opened arrives as an error that has it, to be acknowledged or rejected. Content that is framed
//! is marked with `m2m` in the property `content_encoding`; every other property stays as it is. What lapin makes easy to
//! miss is an error here: a mandatory message that came back, a `basic.nack`, and a consumer that the broker cancelled.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use lapin::{BasicProperties, ConnectionProperties, options::*, types::FieldTable};
//! use m2m_amqp::Connection; // was lapin::Connection
//! let engine = std::sync::Arc::new(m2m_engine::Engine::new(m2m_engine::Config::default())?);
//! let connection = Connection::connect("amqp://localhost", ConnectionProperties::default(), engine).await?;
//! let channel = connection.create_channel().await?;
//! channel.confirm_select(ConfirmSelectOptions::default()).await?;
//! channel.queue_declare("requests".into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
//! let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
//! channel.basic_publish("".into(), "requests".into(), options, br#"{"model":"gpt-4o"}"#, properties).await?.await?;
//! # Ok(())
//! # }
//! ```
//!
//! It runs on tokio, as lapin does with its feature `tokio`. Replies of a service are framed only for requesters that read frames, which
//! is remembered for each reply address: by a connection for its channels, and by [`Connection::with_replies_of`] across
//! connections. lapin logs returned messages whole, at the level `warn`: where payloads are to stay out of logs, silence its target
//! `lapin::returned_messages`, and never let `amq_protocol_tcp` log at `trace`, which shows passwords.

mod address;
mod client;
mod destination;
pub mod error;
mod inbound;
pub mod link;
mod outbound;
mod properties;
pub mod session;

pub use client::{Channel, Connection};
pub use inbound::Consumer;
pub use outbound::PublisherConfirm;
