//! Keeps the server from delivering again what is still being worked on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::{Client, Subject};
use tokio::sync::Notify;

/// Acknowledgement addresses of deliveries that are neither settled nor dropped.
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
}

impl Outstanding {
    pub(super) fn new(client: Client, ack_wait: Duration) -> Self {
        let held = Held { ack_wait, next: 0, replies: HashMap::new() };
        Self { client, held: Mutex::new(held), hurried: Notify::new() }
    }

    pub(super) fn hold(self: &Arc<Self>, reply: Subject) -> Ticket {
        let mut held = self.held();
        let number = held.next;
        held.next += 1;
        held.replies.insert(number, reply);
        Ticket { number, outstanding: Arc::clone(self) }
    }

    pub(super) fn len(&self) -> usize {
        self.held().replies.len()
    }

    /// Tells what the consumer really waits before it delivers again.
    pub(super) fn set_ack_wait(&self, ack_wait: Duration) {
        self.held().ack_wait = ack_wait;
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
    outstanding: Arc<Outstanding>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.outstanding.held().replies.remove(&self.number);
    }
}
