//! Who holds a message: the claim on one delivery, and the member that it went to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Queue, Taken};
use crate::error::SettleError;

/// The right to settle a delivery. Dropped unsettled, the message is refused: nobody could acknowledge it any more.
#[derive(Debug)]
pub(crate) struct Claim {
    queue: Arc<Queue>,
    pub(super) sequence: u64,
    pub(super) delivery: u32,
    settled: bool,
}

impl Claim {
    pub(super) fn new(queue: &Arc<Queue>, sequence: u64, delivery: u32) -> Self {
        Self { queue: Arc::clone(queue), sequence, delivery, settled: false }
    }

    /// Which delivery of the message this is, from 1.
    pub(crate) fn delivery(&self) -> u32 {
        self.delivery
    }

    pub(crate) fn ack(mut self) -> Result<(), SettleError> {
        self.settled = true;
        let entry = self.queue.lock().release(&self);
        entry.map(drop).ok_or(SettleError::Stale)
    }

    pub(crate) fn nack(mut self) -> Result<(), SettleError> {
        self.settled = true;
        self.refuse()
    }

    fn refuse(&self) -> Result<(), SettleError> {
        let mut state = self.queue.lock();
        let entry = state.release(self).ok_or(SettleError::Stale)?;
        let due = Instant::now() + self.queue.redelivery_delay;
        state.later.insert((due, self.sequence), entry);
        drop(state);
        // All of them: each that waits has to know of the new time.
        self.queue.arrived.notify_waiters();
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.settled {
            // Stale: the message has gone back already.
            let _ = self.refuse();
        }
    }
}

/// One receiver of a queue; what it holds goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    queue: Arc<Queue>,
    id: u64,
}

impl Member {
    pub(crate) fn of(queue: &Arc<Queue>) -> Self {
        let id = queue.members.fetch_add(1, Ordering::Relaxed);
        Self { queue: Arc::clone(queue), id }
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(crate) async fn recv(&mut self, max: usize) -> Option<Vec<Taken>> {
        self.queue.recv(self.id, max).await
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        let mine: Vec<u64> = state
            .held
            .iter()
            .filter(|(_, held)| held.member == self.id)
            .map(|(sequence, _)| *sequence)
            .collect();
        for sequence in mine {
            if let Some(held) = state.held.remove(&sequence) {
                state.ready.insert(sequence, held.entry);
            }
        }
        drop(state);
        self.queue.arrived.notify_waiters();
    }
}
