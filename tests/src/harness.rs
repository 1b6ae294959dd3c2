//! Real brokers for tests.
//!
//! `Nats::start()`, `Kafka::start()` and `Rabbit::start()` give a broker of the test's own, empty, on free loopback ports, that
//! can be stopped, killed and started again with the same address and data. `shared()` gives the one that all
//! tests of a process may talk to; names from [`unique`] keep them apart there.
//!
//! Where it comes from, in this order:
//! 1. `M2M_TEST_NATS_URL`, `M2M_TEST_KAFKA_URL`, `M2M_TEST_AMQP_URL`: one that is already there, and that can be neither
//!    stopped nor killed;
//! 2. a container, where a Docker daemon answers;
//! 3. a native process, its program from the folder that `make brokers` fills.
//!
//! Nothing of it outlives the test process, however that ends.

mod broker;
mod container;
mod error;
mod kafka;
mod kind;
mod native;
mod nats;
mod ports;
mod rabbit;
mod reaper;
mod tool;
mod topics;

pub use broker::Broker;
pub use error::HarnessError;
pub use kafka::{Kafka, KafkaOptions};
pub use kind::{Kind, ProbeError, Shared, Site};
pub use nats::{Nats, NatsOptions};
pub use rabbit::{Rabbit, RabbitOptions};

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

/// A name that no other test uses, not even in another process: `prefix-…`, of letters, digits and `-`.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{prefix}-{time:x}-{}-{number}", std::process::id())
}

/// Waits until the condition holds, by asking again and again.
///
/// # Panics
/// When it does not hold after a minute; the message names `what` was waited for.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    const LIMIT: Duration = Duration::from_secs(60);
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
