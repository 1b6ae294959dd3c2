//! Keeps the stream's order across lost connections and crashes.

mod gap;
mod reorder;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Statistics;
use async_nats::jetstream::consumer;
use tokio::time::Instant;

use gap::Gap;
use reorder::Reorder;

/// What the server's clock may lag behind when it delivers again.
const LAG: Duration = Duration::from_millis(500);

/// Where a delivery stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The message's number in the stream.
    pub(super) sequence: u64,
    /// The delivery's number for the consumer.
    pub(super) delivery: u64,
    /// How often the message has been delivered before.
    pub(super) redeliveries: u32,
    /// When the message was published, in nanoseconds.
    pub(super) published: i128,
}

/// Passes deliveries on, in the stream's order where that is wanted.
#[derive(Debug)]
pub(super) struct Order<T> {
    keep: bool,
    wait: Duration,
    statistics: Arc<Statistics>,
    gap: Gap,
    reorder: Reorder<T>,
}

impl<T> Order<T> {
    /// For a consumer as it is found, with `here` of its deliveries not yet acknowledged in this source.
    pub(super) fn new(
        keep: bool,
        found: &consumer::Info,
        ack_wait: Duration,
        here: usize,
        statistics: Arc<Statistics>,
    ) -> Self {
        let wait = ack_wait + LAG;
        let connects = statistics.connects.load(Ordering::Relaxed);
        let gap = Gap::new(connects, found.delivered.consumer_sequence, wait);
        let mut reorder = Reorder::new();
        if keep {
            // Delivered to a process that is gone, or lost on the way here.
            let missing = found.num_ack_pending.saturating_sub(here);
            reorder.expect(u64::try_from(missing).unwrap_or(u64::MAX), Instant::now() + wait);
        }
        Self { keep, wait, statistics, gap, reorder }
    }

    /// A delivery came, whether or not it is passed on.
    pub(super) fn saw(&mut self, place: Place) {
        if self.keep {
            let (now, connects) =
                (Instant::now(), self.statistics.connects.load(Ordering::Relaxed));
            let missing = self.gap.before(place.delivery, connects, now);
            self.reorder.expect(missing, now + self.wait);
        }
    }

    /// Takes a delivery and gives those whose turn it is.
    pub(super) fn pass(&mut self, place: Place, item: T) -> impl Iterator<Item = T> + use<T> {
        self.reorder.pass(place.sequence, place.redeliveries > 0, item)
    }

    /// Resolves when what is missing has been waited for long enough.
    pub(super) async fn overdue(&self) {
        match self.reorder.deadline() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }

    /// Gives everything that was held back.
    pub(super) fn release(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.reorder.release()
    }
}
