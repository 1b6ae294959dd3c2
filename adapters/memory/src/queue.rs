//! What one group has still to receive: kept until acknowledged, bounded, in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use m2m_engine::bus::Envelope;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

mod claim;

pub(crate) use claim::{Claim, Member};

/// The messages of one group, and who holds which.
#[derive(Debug)]
pub(crate) struct Queue {
    /// What it was subscribed to, wildcards included.
    pub(crate) subject: String,
    /// The group's name; `None` for a subscription of its own.
    pub(crate) group: Option<String>,
    /// Unique on its bus.
    pub(crate) id: u64,
    redelivery_delay: Duration,
    room: Arc<Semaphore>,
    arrived: Notify,
    members: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    next: u64,
    ready: BTreeMap<u64, Entry>,
    /// Refused, by the time at which they become ready again.
    later: BTreeMap<(Instant, u64), Entry>,
    held: HashMap<u64, Held>,
}

#[derive(Debug)]
struct Entry {
    envelope: Envelope,
    deliveries: u32,
    /// Its place among the messages that the group may have; free for the next one when this is dropped.
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Held {
    entry: Entry,
    member: u64,
}

/// A message on its way to a member.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) envelope: Envelope,
    pub(crate) claim: Claim,
}

impl Queue {
    pub(crate) fn new(
        subject: &str,
        group: Option<&str>,
        id: u64,
        capacity: usize,
        redelivery_delay: Duration,
    ) -> Self {
        Self {
            subject: subject.to_owned(),
            group: group.map(str::to_owned),
            id,
            redelivery_delay,
            room: Arc::new(Semaphore::new(capacity)),
            arrived: Notify::new(),
            members: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// Waits for a place; `None` when the queue was closed.
    pub(crate) async fn reserve(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    pub(crate) fn push(&self, envelope: Envelope, place: OwnedSemaphorePermit) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let sequence = state.next;
        state.next += 1;
        let entry = Entry { envelope, deliveries: 0, _place: place };
        state.ready.insert(sequence, entry);
        drop(state);
        self.arrived.notify_one();
    }

    /// Waits for messages and takes up to `max` of them; `None` when there will be none. Cancel-safe: nothing is taken before
    /// it returns.
    pub(crate) async fn recv(self: &Arc<Self>, member: u64, max: usize) -> Option<Vec<Taken>> {
        loop {
            // Before looking, so that what comes in between wakes it.
            let arrived = self.arrived.notified();
            let due = {
                let mut state = self.lock();
                state.ripen(Instant::now());
                let taken = state.take(member, max);
                if !taken.is_empty() {
                    drop(state);
                    return Some(self.claimed(taken));
                }
                if state.closed && state.later.is_empty() {
                    return None;
                }
                state.later.first_key_value().map(|((due, _), _)| *due)
            };
            match due {
                None => arrived.await,
                // Either way it looks again.
                Some(due) => drop(timeout_at(due, arrived).await),
            }
        }
    }

    fn claimed(self: &Arc<Self>, taken: Vec<(u64, u32, Envelope)>) -> Vec<Taken> {
        taken
            .into_iter()
            .map(|(sequence, delivery, envelope)| Taken {
                envelope,
                claim: Claim::new(self, sequence, delivery),
            })
            .collect()
    }

    /// How many messages it keeps, taken or not.
    pub(crate) fn depth(&self) -> usize {
        let state = self.lock();
        state.ready.len() + state.later.len() + state.held.len()
    }

    /// Takes nothing more; what is there can still be received.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.arrived.notify_waiters();
    }

    /// Closes it and forgets what is there.
    pub(crate) fn delete(&self) {
        let dropped =
            std::mem::replace(&mut *self.lock(), State { closed: true, ..State::default() });
        self.close();
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn ripen(&mut self, now: Instant) {
        while let Some(first) = self.later.first_entry()
            && first.key().0 <= now
        {
            let ((_, sequence), entry) = first.remove_entry();
            self.ready.insert(sequence, entry);
        }
    }

    fn take(&mut self, member: u64, max: usize) -> Vec<(u64, u32, Envelope)> {
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some((sequence, mut entry)) = self.ready.pop_first()
        {
            entry.deliveries = entry.deliveries.saturating_add(1);
            taken.push((sequence, entry.deliveries, entry.envelope.clone()));
            self.held.insert(sequence, Held { entry, member });
        }
        taken
    }

    /// The message behind a claim, unless it went back in the meantime.
    fn release(&mut self, claim: &Claim) -> Option<Entry> {
        let held = self.held.get(&claim.sequence)?;
        if held.entry.deliveries != claim.delivery {
            return None;
        }
        self.held.remove(&claim.sequence).map(|held| held.entry)
    }
}
