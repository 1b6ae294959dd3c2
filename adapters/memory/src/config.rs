use std::time::Duration;

use tokio::sync::Semaphore;

/// How a bus is set up.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// Its name, which the identity of its messages begins with; `bus` unless told otherwise.
    pub name: String,
    /// How many messages each group may keep, taken ones included, before publishers wait; at least 1, 1024 unless told otherwise.
    pub capacity: usize,
    /// The longest payload in bytes, as it is on the bus; 16 MiB unless told otherwise.
    pub max_payload: usize,
    /// How long a message rests that was refused, or dropped unsettled; up to a day, 100 ms unless told otherwise.
    pub redelivery_delay: Duration,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            name: "bus".to_owned(),
            capacity: 1024,
            max_payload: 16 << 20,
            redelivery_delay: Duration::from_millis(100),
        }
    }
}

impl BusConfig {
    pub(crate) fn within_range(self) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            capacity: self.capacity.clamp(1, Semaphore::MAX_PERMITS),
            redelivery_delay: self.redelivery_delay.min(DAY),
            ..self
        }
    }
}
