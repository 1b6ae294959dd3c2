//! Raw frames for the relay and the audit: nothing here frames or opens.
//!
//! ```text
//! subject ─► CoreSource ───┐            ┌─► CoreSink ───► subject     nobody confirms, nothing comes again
//!                          ├─ Envelope ─┤
//! stream ──► StreamSource ─┘            └─► StreamSink ─► stream      both do
//! ```

mod binding;
mod core_sink;
mod core_source;
mod ledger;
mod mapping;
mod order;
mod pump;
mod receipt;
mod stream_sink;
mod stream_source;

use std::time::Duration;

use async_nats::Client;
use async_nats::client::{FlushError, FlushErrorKind};
use m2m_engine::bus::Capabilities;

pub use crate::error::{SettleError, SinkError, SourceError};
pub use core_sink::{CoreSink, Flushed};
pub use core_source::{CoreReceipt, CoreSource};
pub use receipt::StreamReceipt;
pub use stream_sink::{Acknowledged, StreamSink, StreamSinkConfig};
pub use stream_source::{StreamSource, StreamSourceConfig};

/// What core NATS promises.
const NOTHING: Capabilities = Capabilities { confirms: false, redelivers: false };

/// How long closing waits for a connection that is away.
const FLUSH: Duration = Duration::from_secs(5);

async fn flush(client: &Client) -> Result<(), FlushError> {
    match tokio::time::timeout(FLUSH, client.flush()).await {
        Ok(flushed) => flushed,
        Err(elapsed) => Err(FlushError::with_source(FlushErrorKind::FlushError, elapsed)),
    }
}
