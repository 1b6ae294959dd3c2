//! Newtypes over rdkafka's producer and consumer.

mod consumer;
mod producer;

pub use consumer::{StreamConsumer, StreamPartitionQueue};
pub use producer::FutureProducer;
pub(crate) use producer::message_max_bytes;
