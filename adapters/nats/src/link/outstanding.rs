//! Keeps the server from delivering again what is still being worked on.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::{Client, Subject};
use tokio::sync::Notify;

/// Deliveries that are neither settled nor dropped, by the address of their acknowledgement; and where the work stands.
#[derive(Debug)]
pub(super) struct Outstanding {
    client: Client,
    held: Mutex<Held>,
    hurried: Notify,
}

#[derive(Debug)]
struct Held {
    ack_wait: Duration,
    next: u64,
    replies: HashMap<u64, Subject>,
    /// Sequences that were delivered, and whose acknowledgement was not confirmed.
    unacked: BTreeSet<u64>,
    /// The highest sequence that was delivered.
    last: Option<u64>,
}

impl Outstanding {
    pub(super) fn new(client: Client, ack_wait: Duration) -> Self {
        let held = Held {
            ack_wait,
            next: 0,
            replies: HashMap::new(),
            unacked: BTreeSet::new(),
            last: None,
        };
        Self { client, held: Mutex::new(held), hurried: Notify::new() }
    }

    pub(super) fn hold(self: &Arc<Self>, sequence: u64, reply: Subject) -> Ticket {
        let mut held = self.held();
        let number = held.next;
        held.next += 1;
        held.replies.insert(number, reply);
        held.unacked.insert(sequence);
        held.last = held.last.max(Some(sequence));
        Ticket { number, sequence, outstanding: Arc::clone(self) }
    }

    pub(super) fn len(&self) -> usize {
        self.held().replies.len()
    }

    /// The first sequence that is not done with; `None` before a consumer was found.
    pub(super) fn resume(&self) -> Option<u64> {
        let held = self.held();
        held.unacked.first().copied().or(held.last.map(|last| last.saturating_add(1)))
    }

    /// Tells of the consumer that was found: how long it really waits before it delivers again, and what it delivered last.
    pub(super) fn found(&self, ack_wait: Duration, delivered: u64) {
        let mut held = self.held();
        held.ack_wait = ack_wait;
        held.last.get_or_insert(delivered);
        self.hurried.notify_one();
    }

    /// Tells the server, again and again, that all of it is in progress. Does not return.
    pub(super) async fn keep(self: Arc<Self>) {
        loop {
            // Three times in the time that the server waits: one may be late, and one lost.
            let every = self.held().ack_wait / 3;
            tokio::select! {
                () = self.hurried.notified() => continue,
                () = tokio::time::sleep(every) => {}
            }
            let replies: Vec<Subject> = self.held().replies.values().cloned().collect();
            for reply in replies {
                // A closed client delivers no more, so there is nothing to be kept up.
                self.client.publish(reply, AckKind::Progress.into()).await.ok();
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A delivery that is kept; dropped, it is left to the server.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    sequence: u64,
    outstanding: Arc<Outstanding>,
}

impl Ticket {
    /// The server has confirmed the acknowledgement.
    pub(super) fn done(self) {
        self.outstanding.held().unacked.remove(&self.sequence);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.outstanding.held().replies.remove(&self.number);
    }
}
