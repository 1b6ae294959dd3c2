//! async-nats, with payloads framed and opened.
//!
//! ```text
//! application ─ publish ─► outbound: frame, mark ─► async_nats ─► NATS
//! application ◄─ message ─ inbound: open, unmark ◄─ async_nats ◄─ NATS
//!       relay ◄─────────── link: raw frames ◄─────► async_nats ◄─► NATS
//! ```
//!
//! Change the type of the client, and keep the calls:
//!
//! ```no_run
//! # async fn example() -> Result<(), async_nats::Error> {
//! use futures_util::StreamExt;
//! let engine = std::sync::Arc::new(m2m_engine::Engine::new(Default::default())?);
//! let client = m2m_nats::connect("nats://localhost:4222", engine).await?;
//! let mut subscriber = client.subscribe("agents.>").await?;
//! client.publish("agents.planner", r#"{"model":"gpt-4o","messages":[]}"#.into()).await?;
//! if let Some(message) = subscriber.next().await {
//!     println!("{:?}", message?.payload);
//! }
//! # Ok(()) }
//! ```
//!
//! On JetStream, messages are the client's own type, with its own acknowledgements:
//!
//! ```no_run
//! # async fn example(client: m2m_nats::Client) -> Result<(), async_nats::Error> {
//! use async_nats::jetstream::consumer::pull;
//! use futures_util::StreamExt;
//! let jetstream = m2m_nats::jetstream::new(client);
//! jetstream.publish("agents.planner", "{}".into()).await?.await?;
//! let stream = jetstream.get_stream("AGENTS").await?;
//! let consumer = stream.get_consumer::<pull::Config>("planner").await?;
//! let mut messages = consumer.messages().await?;
//! while let Some(message) = messages.next().await {
//!     message?.ack().await?;
//! }
//! # Ok(()) }
//! ```
//!
//! What is left alone, both ways: subjects that begin with `$` (JetStream's API, key-value and object stores), and status messages
//! without a payload. A reply goes out framed only when its request was framed or carried `m2m-accept: 1`, as requests through
//! this client do. An empty payload with the header `m2m-tombstone: 1` is a Kafka tombstone on its way, and judged as one.
//!
//! A message that cannot be opened comes as an error that holds it, still framed: see [`OpenFailure`].

mod client;
pub mod error;
mod headers;
mod identity;
mod inbound;
pub mod jetstream;
pub mod link;
mod outbound;
pub mod session;

pub use client::{Client, connect, connect_with_options};
pub use error::{OpenFailure, PublishError, RequestError};
pub use inbound::Subscriber;
