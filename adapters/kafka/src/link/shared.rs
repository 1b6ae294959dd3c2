//! What the thread that polls, the source and its receipts share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use m2m_engine::bus::{Delivery, Envelope};
use rdkafka::error::KafkaError;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::source::{KafkaReceipt, KafkaSourceConfig};
use super::state::{Marks, Position, State};
use crate::error::{SettleError, SourceError};

/// What the thread is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Commit,
    Poll,
    /// The window is full, and was for a while.
    Full,
    End,
}

#[derive(Debug)]
pub(super) struct Shared {
    config: KafkaSourceConfig,
    inner: Mutex<Inner>,
    /// Something is ready, or to be tried again, or there is an error: for `recv`.
    arrived: Notify,
    /// Acknowledgements are worth a commit, or the source ends: for the thread.
    moved: Condvar,
    /// Whether partitions are paused, those newly assigned included.
    pub(super) paused: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    ending: bool,
    /// The thread waits for `moved`.
    waiting: bool,
    /// The thread has ended; with its error until `recv` has reported it.
    stopped: Option<Option<SourceError>>,
    /// Of the last commit.
    failed: Option<KafkaError>,
}

impl Shared {
    pub(super) fn new(config: KafkaSourceConfig) -> Self {
        Self {
            config,
            inner: Mutex::default(),
            arrived: Notify::new(),
            moved: Condvar::new(),
            paused: AtomicBool::new(false),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the source: the next batch.
    pub(super) async fn next(self: &Arc<Self>) -> Result<Vec<Delivery<KafkaReceipt>>, SourceError> {
        loop {
            let due = {
                let mut inner = self.inner();
                let batch = inner.state.batch(Instant::now());
                if !batch.is_empty() {
                    let deliver = |(position, envelope)| {
                        let receipt = KafkaReceipt::new(Arc::clone(self), position);
                        Delivery { envelope, receipt }
                    };
                    return Ok(batch.into_iter().map(deliver).collect());
                }
                if let Some(error) = &mut inner.stopped {
                    return Err(error.take().unwrap_or(SourceError::Stopped));
                }
                inner.state.due()
            };
            // What happens between the look and the wait leaves a permit.
            let arrived = self.arrived.notified();
            match due {
                Some(due) => drop(timeout_at(due.into(), arrived).await),
                None => arrived.await,
            }
        }
    }

    /// For the source: tells the thread to end.
    pub(super) fn end(&self) {
        self.inner().ending = true;
        self.moved.notify_all();
    }

    /// For receipts.
    pub(super) fn ack(&self, position: &Position) -> Result<(), SettleError> {
        let mut inner = self.inner();
        let freed = inner.state.settle(position)?;
        let (bytes, limit) = (inner.state.bytes(), self.config.window_bytes);
        let opened = bytes < limit && bytes + freed >= limit;
        if inner.waiting && (opened || self.is_pressed(&inner.state)) {
            self.moved.notify_one();
        }
        Ok(())
    }

    /// For receipts.
    pub(super) fn nack(&self, position: Position) -> Result<(), SettleError> {
        let mut inner = self.inner();
        let due = Instant::now() + self.config.nack_backoff;
        inner.state.retry(position, due)?;
        drop(inner);
        self.arrived.notify_one();
        Ok(())
    }

    /// For the thread: what to do next; waits up to `grace` for room in a full window.
    pub(super) fn turn(&self, committed: Instant, retry: Instant, grace: Duration) -> Turn {
        let begun = Instant::now();
        let mut inner = self.inner();
        loop {
            let now = Instant::now();
            if inner.ending {
                return Turn::End;
            }
            let due = match self.is_pressed(&inner.state) {
                true => retry,
                false => retry.max(committed + self.config.commit_interval),
            };
            let uncommitted = inner.state.uncommitted() > 0;
            if uncommitted && now >= due {
                return Turn::Commit;
            }
            if self.has_room(&inner.state) {
                return Turn::Poll;
            }
            let left = grace.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Turn::Full;
            }
            let wait = if uncommitted { left.min(due - now) } else { left };
            inner.waiting = true;
            inner = match self.moved.wait_timeout(inner, wait) {
                Ok((inner, _)) => inner,
                Err(poisoned) => poisoned.into_inner().0,
            };
            inner.waiting = false;
        }
    }

    /// Whether a commit would free much of the window.
    fn is_pressed(&self, state: &State) -> bool {
        state.uncommitted() * 2 >= self.config.window.max(1)
    }

    /// Half of the window must be free before a paused consumer goes on: a pause throws away what was fetched ahead.
    fn has_room(&self, state: &State) -> bool {
        let share = if self.paused.load(Ordering::Relaxed) { 2 } else { 1 };
        state.held() < self.config.window.max(1).div_ceil(share)
            && state.bytes() < self.config.window_bytes.max(1).div_ceil(share)
    }

    /// For the thread: takes a message in; whether there is room for more.
    pub(super) fn hold(&self, partition: i32, offset: i64, envelope: Envelope) -> bool {
        let mut inner = self.inner();
        inner.state.hold(partition, offset, envelope);
        self.has_room(&inner.state)
    }

    /// For the thread: wakes `recv`, after a burst of messages rather than for each.
    pub(super) fn announce(&self) {
        self.arrived.notify_one();
    }

    /// For the thread: what can be committed, of the partitions that `of` holds for.
    pub(super) fn marks(&self, of: impl Fn(&str, i32) -> bool) -> Marks {
        self.inner().state.marks(of)
    }

    /// For the thread: notes how committing `marks` went.
    pub(super) fn committed(&self, marks: &Marks, result: Result<(), KafkaError>) {
        let mut inner = self.inner();
        inner.failed = result.err();
        match &inner.failed {
            None => inner.state.committed(marks),
            Some(error) => tracing::warn!(%error, "offsets were not committed; it is tried again"),
        }
    }

    /// For the thread: whether the last commit failed; forgets it.
    pub(super) fn take_commit_failure(&self) -> Option<KafkaError> {
        self.inner().failed.take()
    }

    /// For the thread: forgets partitions.
    pub(super) fn revoke(&self, of: impl Fn(&str, i32) -> bool) {
        self.inner().state.revoke(of);
    }

    /// For the thread, which ends, with an error that `recv` is to report or without.
    pub(super) fn stop(&self, error: Option<SourceError>) {
        let mut inner = self.inner();
        inner.state.revoke(|_, _| true);
        inner.stopped.get_or_insert(error);
        drop(inner);
        self.arrived.notify_one();
    }
}
