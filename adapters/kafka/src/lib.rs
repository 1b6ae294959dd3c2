//! rdkafka, with payloads framed and opened.
//!
//! ```text
//! FutureProducer::send ─► wrap, mark ─► rdkafka ─► Kafka ─► rdkafka ─► open, unmark ─► StreamConsumer::recv
//!                                                    │
//!                              KafkaSource, KafkaSink: raw frames, for the relay
//! ```
//!
//! Change two types and keep the calls: names, arguments and success values are rdkafka's. Keys, headers, timestamps, partitions and
//! null payloads pass as they are; a framed payload is marked by the header `content-encoding`, and detected by its own first bytes.
//!
//! ```no_run
//! use std::sync::Arc;
//! use m2m_engine::Engine;
//! use m2m_kafka::rdkafka::{ClientConfig, consumer::{CommitMode, Consumer}, producer::FutureRecord};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let (config, timeout) = (ClientConfig::new(), std::time::Duration::from_secs(5));
//! let engine = Arc::new(Engine::new(m2m_engine::Config::default())?);
//! let producer: m2m_kafka::FutureProducer = m2m_kafka::FutureProducer::from_config(&config, engine.clone())?;
//! let record = FutureRecord::to("chat").key("session-7").payload(r#"{"model":"gpt-4o","messages":[]}"#);
//! producer.send(record, timeout).await.map_err(|(error, _record)| error)?;
//!
//! let consumer: m2m_kafka::StreamConsumer = m2m_kafka::StreamConsumer::from_config(&config, engine)?;
//! consumer.subscribe(&["chat"])?;
//! let message = consumer.recv().await?; // payload() is the JSON again
//! consumer.commit_message(&message, CommitMode::Async)?;
//! # Ok(()) }
//! ```

mod client;

mod inbound;
mod outbound;

mod headers;

mod link;
pub mod session;

mod error;

pub use client::{FutureProducer, StreamConsumer, StreamPartitionQueue};
pub use error::{
    Canceled, CreateError, OpenFailure, RecvError, SendError, SettleError, SinkError, SourceError,
    transience,
};
pub use inbound::{Located, Message, MessageStream};
pub use link::{
    Confirmation, KafkaReceipt, KafkaSink, KafkaSinkConfig, KafkaSource, KafkaSourceConfig,
};
pub use outbound::{DeliveryFuture, OwnedDeliveryResult};
pub use rdkafka;
