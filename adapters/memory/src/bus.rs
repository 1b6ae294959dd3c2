//! The bus itself, which carries messages as they are: what a broker and its bare client are elsewhere.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use m2m_engine::bus::Envelope;
use tokio::sync::OwnedSemaphorePermit;

use crate::config::BusConfig;
use crate::error::{Refused, SubscribeError, Unsent};
use crate::groups::Groups;
use crate::queue::Queue;
use crate::subject;
use crate::subscription::Subscription;

/// What became of a message that the bus took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// How many groups will get it. With 0 it is gone: nobody has subscribed to its subject.
    pub groups: usize,
}

/// An in-process message bus; a handle that is cheap to clone.
///
/// A message goes to every group whose subject matches, and in each to one member. It is kept until a member acknowledges it, in
/// the order of publishing; what is refused rests a little and others go ahead, what a dropped consumer held goes back to its
/// place. Publishing waits while a group is full: one that nobody reads stops its publishers, until it is [deleted](Bus::delete).
///
/// The bus ends with its last handle, or with [`Bus::close`]: consumers then get what is left, and after it nothing.
#[derive(Debug, Clone)]
pub struct Bus {
    shared: Arc<Shared>,
}

/// What the handles of a bus share.
#[derive(Debug)]
pub(crate) struct Shared {
    config: BusConfig,
    /// Where identities begin. A number of this bus alone is in it: the count starts anew with the process, and a sink that
    /// drops duplicates must not take a new message for an old one.
    origin: String,
    published: AtomicU64,
    groups: Mutex<Groups>,
}

impl Default for Bus {
    fn default() -> Self {
        Self::new(BusConfig::default())
    }
}

impl Bus {
    /// A bus without groups.
    #[must_use]
    pub fn new(config: BusConfig) -> Self {
        let config = config.within_range();
        let number = RandomState::new().hash_one(&config.name);
        Self {
            shared: Arc::new(Shared {
                origin: format!("memory/{}/{number:016x}", config.name),
                config,
                published: AtomicU64::new(0),
                groups: Mutex::default(),
            }),
        }
    }

    /// How it is set up.
    #[must_use]
    pub fn config(&self) -> &BusConfig {
        &self.shared.config
    }

    /// Publishes a message to the subject in its address, as it is; waits while a group that is to get it is full. It gets a new
    /// identity. Cancel-safe: dropped while it waits, no group gets the message.
    ///
    /// # Errors
    /// When the subject or the length cannot be, or the bus is closed.
    pub async fn publish(&self, mut envelope: Envelope) -> Result<Published, Unsent> {
        let places = match self.reserve(&envelope).await {
            Ok(places) => places,
            Err(source) => return Err(Unsent::new(envelope, source)),
        };
        // Held to the end, so that the bus is not closed with the message given to some groups only.
        let groups = self.shared.lock();
        if groups.closed {
            return Err(Unsent::new(envelope, Refused::Closed));
        }
        let number = self.shared.published.fetch_add(1, Ordering::Relaxed);
        envelope.identity = Some(format!("{}/{number}", self.shared.origin));
        envelope.dedup_id = None;
        let published = Published { groups: places.len() };
        let mut places = places.into_iter();
        if let Some((first, place)) = places.next() {
            for (queue, place) in places {
                queue.push(envelope.clone(), place);
            }
            first.push(envelope, place);
        }
        Ok(published)
    }

    async fn reserve(
        &self,
        envelope: &Envelope,
    ) -> Result<Vec<(Arc<Queue>, OwnedSemaphorePermit)>, Refused> {
        let subject = &envelope.address.name;
        subject::check(subject)
            .map_err(|source| Refused::Subject { subject: subject.clone(), source })?;
        let len = envelope.payload.as_ref().map_or(0, bytes::Bytes::len);
        let limit = self.shared.config.max_payload;
        if len > limit {
            return Err(Refused::TooLarge { len, limit });
        }
        let reached = self.shared.lock().reached_by(subject);
        let mut places = Vec::with_capacity(reached.len());
        for queue in reached {
            // A group that was deleted in the meantime gets nothing.
            if let Some(place) = queue.reserve().await {
                places.push((queue, place));
            }
        }
        Ok(places)
    }

    /// Everything that is published to `subject` from now on, to this subscription alone: a group of its own, which ends with it.
    ///
    /// # Errors
    /// When the subject cannot be, or the bus is closed.
    pub fn subscribe(&self, subject: &str) -> Result<Subscription, SubscribeError> {
        self.join(subject, None)
    }

    /// What is published to `subject`, shared with all other members of `group`; `*` in it stands for one token, `>` at its end
    /// for all that follow. The group begins with its first member and stays when the last one leaves: it keeps what it gets.
    /// Groups of one name on different subjects are different groups.
    ///
    /// # Errors
    /// When the subject cannot be, or the bus is closed.
    pub fn queue_subscribe(
        &self,
        subject: &str,
        group: &str,
    ) -> Result<Subscription, SubscribeError> {
        self.join(subject, Some(group))
    }

    /// Makes the group, if it is not there, without a member: it keeps messages from now on.
    ///
    /// # Errors
    /// When the subject cannot be, or the bus is closed.
    pub fn declare(&self, subject: &str, group: &str) -> Result<(), SubscribeError> {
        self.queue(subject, Some(group)).map(drop)
    }

    /// Ends a group, with what it keeps, and its consumers; false when there is none.
    pub fn delete(&self, subject: &str, group: &str) -> bool {
        let found = self.shared.lock().find(subject, group).map(Arc::clone);
        match &found {
            Some(queue) => self.shared.remove(queue),
            None => return false,
        }
        true
    }

    /// How many messages the group keeps, taken and unacknowledged ones included; `None` when there is no such group.
    #[must_use]
    pub fn depth(&self, subject: &str, group: &str) -> Option<usize> {
        self.shared.lock().find(subject, group).map(|queue| queue.depth())
    }

    /// Takes no more messages: publishing fails from now on, consumers get what is left and then come to their end.
    pub fn close(&self) {
        self.shared.close();
    }

    fn join(&self, subject: &str, group: Option<&str>) -> Result<Subscription, SubscribeError> {
        let queue = self.queue(subject, group)?;
        Ok(Subscription::new(&queue, &self.shared))
    }

    fn queue(&self, subject: &str, group: Option<&str>) -> Result<Arc<Queue>, SubscribeError> {
        let wild = subject::check_pattern(subject)
            .map_err(|source| SubscribeError::Subject { subject: subject.to_owned(), source })?;
        let mut groups = self.shared.lock();
        if groups.closed {
            return Err(SubscribeError::Closed);
        }
        if let Some(queue) = group.and_then(|group| groups.find(subject, group)) {
            return Ok(Arc::clone(queue));
        }
        let BusConfig { capacity, redelivery_delay, .. } = self.shared.config;
        let id = groups.next_id();
        let queue = Arc::new(Queue::new(subject, group, id, capacity, redelivery_delay));
        groups.add(Arc::clone(&queue), wild);
        Ok(queue)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn remove(&self, queue: &Queue) {
        self.lock().remove(queue);
        queue.delete();
    }

    fn close(&self) {
        let mut groups = self.lock();
        groups.closed = true;
        for queue in groups.all() {
            queue.close();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
