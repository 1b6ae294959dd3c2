//! The relay's seam: raw frames from Kafka, and to it. No engine is involved.
//!
//! ```text
//! thread: poll ─► Envelope ─► Ledger (held) ─► ready ─► KafkaSource::recv ─► relay ─► KafkaReceipt::ack ─► Ledger
//!           └────────── commit the marks ◄──────────────────────────────────────────────────────────────────┘
//! ```

mod convert;
mod ledger;
mod poller;
mod shared;
mod state;

mod sink;
mod source;

pub use sink::{Confirmation, KafkaSink, KafkaSinkConfig};
pub use source::{KafkaReceipt, KafkaSource, KafkaSourceConfig};

use m2m_engine::bus::Native;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// What Kafka expresses itself. Its headers repeat, keep their order, and may be null or any bytes.
const NATIVE: Native =
    Native { key: true, tombstone: true, properties: false, reply_to: false, timestamp: true };

/// The configuration with `defaults` where it says nothing. Names that are aliases stand in one entry.
fn with_defaults(client: &ClientConfig, defaults: &[(&[&str], &str)]) -> ClientConfig {
    let mut client = client.clone();
    for (names, value) in defaults {
        if let [name, ..] = names
            && names.iter().all(|name| client.get(name).is_none())
        {
            client.set(*name, *value);
        }
    }
    client
}

/// Passes a line of librdkafka's log on.
fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => tracing::error!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}
