//! Queues as sources and exchanges as sinks of raw frames, for the relay. Nothing is opened here.
//!
//! Both reconnect by themselves when they are called again after an error. A source and a sink have a connection each, because a
//! broker that is short of memory stops reading from connections that publish, acknowledgements included.

mod connection;
mod envelope;
mod error;
mod receipt;
mod sink;
mod source;
mod table;

pub use connection::ConnectionConfig;
pub use error::{SettleError, SinkError, SourceError};
pub use receipt::QueueReceipt;
pub use sink::{ExchangeConfirmation, ExchangeSink, ExchangeSinkConfig};
pub use source::{QueueSource, QueueSourceConfig};

use m2m_engine::bus::Native;

/// What AMQP 0-9-1 expresses itself. Its time stamps are in seconds: milliseconds that would be lost travel in a header.
const NATIVE: Native =
    Native { key: false, tombstone: false, properties: true, reply_to: true, timestamp: true };
