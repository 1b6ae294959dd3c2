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
    gap: Option<Gap>,
    reorder: Reorder<T>,
}

impl<T> Order<T> {
    pub(super) fn new(keep: bool, statistics: Arc<Statistics>) -> Self {
        let reorder = Reorder::new();
        Self { keep, wait: Duration::ZERO, statistics, gap: None, reorder }
    }

    /// A consumer was found, once more perhaps; `reached` is the highest sequence that had been delivered here.
    pub(super) fn found(
        &mut self,
        info: &consumer::Info,
        ack_wait: Duration,
        reached: Option<u64>,
    ) {
        if !self.keep {
            return;
        }
        self.wait = ack_wait + LAG;
        let (connects, delivered) = (self.connects(), info.delivered);
        self.gap = Some(Gap::after(connects, delivered.consumer_sequence, self.wait));
        let deadline = Instant::now() + self.wait;
        match reached {
            // What another process had in work when it ended. Acknowledgements follow the stream's order, so all of it comes again.
            None => {
                let missing = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
                self.reorder.expect(missing, deadline);
            }
            // What was on its way here when the connection was lost.
            Some(reached) if reached < delivered.stream_sequence => {
                self.reorder.expect_through(delivered.stream_sequence, deadline);
            }
            Some(_) => {}
        }
    }

    fn connects(&self) -> u64 {
        self.statistics.connects.load(Ordering::Relaxed)
    }

    /// A delivery came, whether or not it is passed on.
    pub(super) fn saw(&mut self, place: Place) {
        let connects = self.connects();
        if let Some(gap) = &mut self.gap {
            let now = Instant::now();
            let missing = gap.before(place.delivery, connects, now);
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
