use std::sync::{Arc, Weak};

use crate::Message;
use crate::bus::Shared;
use crate::queue::{Member, Queue};

/// Receives messages as they are. Dropped, it gives back to its group what it has not acknowledged.
#[derive(Debug)]
pub struct Subscription {
    member: Member,
    bus: Weak<Shared>,
}

impl Subscription {
    pub(crate) fn new(queue: &Arc<Queue>, bus: &Arc<Shared>) -> Self {
        Self { member: Member::of(queue), bus: Arc::downgrade(bus) }
    }

    /// The next message; `None` when there will be none. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Message> {
        let mut batch = self.recv_many(1).await?;
        batch.pop()
    }

    /// The next messages, at least one and at most `max` (which counts as 1 if it is 0); `None` when there will be none.
    /// Cancel-safe.
    pub async fn recv_many(&mut self, max: usize) -> Option<Vec<Message>> {
        let taken = self.member.recv(max.max(1)).await?;
        Some(taken.into_iter().map(Message::from).collect())
    }

    /// What it was subscribed to.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.member.queue().subject
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let queue = self.member.queue();
        if queue.group.is_none()
            && let Some(bus) = self.bus.upgrade()
        {
            bus.remove(queue);
        }
    }
}
