//! Relays M2M frames between NATS, Kafka and RabbitMQ by their headers.
//!
//! ```text
//! source ─► peek ─► conditions ─► lanes ─► destinations ─ all confirmed ─► acknowledged to the source
//!                        └─ no condition accepts it: otherwise          └─ never: dead letter, reason in its headers
//! ```
//!
//! A frame goes out byte for byte as it came in: the bridge holds no keys and decompresses nothing. What becomes of the other properties
//! of a message is in `docs/mapping.md`. Read [`route`] and `relay.rs` first.
//!
//! # Configuration
//!
//! `m2m-bridge check FILE` says what a file means, `docker/bridge.toml` is a longer one. All keys are fields of [`config::Config`].
//!
//! ```
//! # let text = r#"
//! name = "edge"                      # in the loop guard's header, with the route's name
//!
//! [buses.nats]
//! url = "nats://127.0.0.1:4222"      # or tls://, kafka://h1:9092,h2:9092, amqp://, amqps://, memory://NAME
//!
//! [buses.kafka]
//! url = "kafka://127.0.0.1:9092"
//! ## user = "bridge"                 # secrets come from the environment or from files:
//! ## password = "${KAFKA_PASSWORD}"   # or "${file:/run/secrets/kafka}"
//!
//! [[routes]]
//! name = "by-provider"
//! from = { bus = "nats", stream = "AGENTS", durable = "bridge", subject = "agents.>" }
//! to = [                             # the first whose condition holds; match = "all" for all of them
//!   { when = "est_cost_usd > 0.05", bus = "kafka", topic = "agents.dear" },
//!   { when = "provider != ''", bus = "kafka", topic = "agents.{{ provider }}", key = "{{ headers['conversation'] }}" },
//! ]
//! otherwise = "dead-letter"          # or "drop", "nack", or a destination
//! dead_letter = { bus = "kafka", topic = "agents.dead" }
//! # "#;
//! # let config = m2m_bridge::Config::parse("bridge.toml", text)?;
//! # m2m_bridge::route::compile(&config)?;
//! # Ok::<(), m2m_bridge::ConfigError>(())
//! ```
//!
//! Conditions are [CEL](https://cel.dev), templates are Jinja; both see the same facts ([`fact_names`]): those of the frame's header, which
//! plain JSON has too, and `subject`, `topic`, `routing_key` (three words for the source address), `exchange`, `key` and
//! `headers['x']`. What a message does not have is `''`, 0 or false. A condition that cannot be evaluated is false, and counted. A name that
//! a template makes must be one that can be published to: no wildcard, no `$`, no empty token, no white space; else the message is a dead letter.
//!
//! # What is guaranteed
//!
//! - At least once: a message is acknowledged to its source when every destination's broker has confirmed it. Duplicates come of failures, from
//!   the messages in flight; JetStream drops those whose source has an identity (JetStream, Kafka). Core NATS cannot confirm and
//!   cannot redeliver: what goes through it can be lost, and the log and the counters say so.
//! - Order per Kafka key, else per subject, topic or routing key: after a failure everything from the first unconfirmed message on is
//!   sent again, in order, so that order holds for the last copies. A dead letter, a nack and a broker's own redelivery step out of line, and, after a crash,
//!   so may on one bus what has copies on several.
//! - Bounds: `in_flight` messages and `in_flight_bytes` are read and not yet acknowledged, no more; a slow destination slows the reading.
//! - A message that comes round to the same route of the same bridge, or has `loop_limit` hops behind it, becomes a dead letter. Driven
//!   again (`redrive`, or put back with its headers) it begins anew.
//!
//! # In a program
//!
//! ```
//! use m2m_bridge::{Bridge, Config, MemoryBuses};
//! use m2m_engine::bus::{Envelope, Source};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bus = m2m_memory::Bus::default();
//! let mut out = bus.source("out", "test")?;
//! let config = Config::parse("inline", r#"
//!     buses.m.url = "memory://m"
//!     routes = [{ name = "r", from = { bus = "m", subject = "in", queue_group = "bridge" }, to = [{ bus = "m", subject = "out" }] }]
//! "#)?;
//! bus.declare("in", "bridge")?;
//! let bridge = Bridge::new(&config, &MemoryBuses::default().with("m", bus.clone()))?;
//! let stop = CancellationToken::new();
//! let (report, _) = tokio::join!(bridge.run(stop.clone()), async {
//!     let mut envelope = Envelope { payload: Some("hello".into()), ..Envelope::default() };
//!     envelope.address.name = "in".to_owned();
//!     bus.publish(envelope).await.unwrap();
//!     let arrived = out.recv().await.unwrap();
//!     assert_eq!(arrived[0].envelope.payload.as_deref(), Some(b"hello".as_slice()));
//!     stop.cancel();
//! });
//! assert_eq!(report?.routes["r"].confirmed, 1);
//! # Ok(()) }
//! ```

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
