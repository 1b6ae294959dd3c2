//! One message on its way through a route, from the source's delivery to its settlement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use m2m_engine::bus::{Envelope, headers};
use tokio::sync::OwnedSemaphorePermit;

use crate::endpoint::AnyReceipt;
use crate::reason::Reason;
use crate::route::Outgoing;

/// A message and the right to settle it. Its copies share it; the last one to be done with gives it to the settler.
#[derive(Debug)]
pub(super) struct Job {
    /// As it came, with the loop guard's header brought up to date.
    pub(super) envelope: Envelope,
    receipt: AnyReceipt,
    /// Set when a copy could neither be delivered nor dead-lettered.
    nack: AtomicBool,
    /// Its place among the messages in flight, and its bytes; given back when it is settled.
    permits: [OwnedSemaphorePermit; 2],
}

impl Job {
    pub(super) fn new(
        envelope: Envelope,
        receipt: AnyReceipt,
        permits: [OwnedSemaphorePermit; 2],
    ) -> Arc<Self> {
        Arc::new(Self { envelope, receipt, nack: AtomicBool::new(false), permits })
    }

    /// It is to be handed back to the source.
    pub(super) fn hand_back(&self) {
        self.nack.store(true, Ordering::Relaxed);
    }

    /// The right to settle it, whether it is to be handed back, and its place, to be given up afterwards.
    pub(super) fn into_parts(self) -> (AnyReceipt, bool, [OwnedSemaphorePermit; 2]) {
        (self.receipt, self.nack.into_inner(), self.permits)
    }
}

/// One copy of a message on its way to one destination.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) job: Arc<Job>,
    pub(super) outgoing: Outgoing,
    /// Which of the message's copies it is.
    pub(super) index: usize,
    /// Set on a dead letter.
    pub(super) reason: Option<Reason>,
    /// How often a message before it failed after this one had been sent.
    pub(super) overtaken: usize,
    /// Whether it has been sent before.
    pub(super) sent: bool,
}

impl Part {
    pub(super) fn new(job: &Arc<Job>, outgoing: Outgoing, index: usize) -> Self {
        let job = Arc::clone(job);
        Self { job, outgoing, index, reason: None, overtaken: 0, sent: false }
    }

    /// What is sent: the source's message under its new address and key. `bus` is the source's, `hop` this bridge and route.
    pub(super) fn envelope(&self, bus: &str, hop: &str) -> Envelope {
        let mut envelope = self.job.envelope.clone();
        if let Some(reason) = &self.reason {
            crate::dead_letter::mark(&mut envelope, reason, bus, hop);
        }
        envelope.dedup_id = self.dedup_id(&envelope, hop);
        envelope.address = self.outgoing.address.clone();
        if let Some(key) = &self.outgoing.key {
            // The source's own, where it could only carry it in a header.
            headers::take(&mut envelope.headers, headers::KEY);
            envelope.key.clone_from(key);
        }
        envelope
    }

    /// Equal when the same message comes from the source again, so that the target can drop the copy.
    ///
    /// The time stamp is in it, as a stream made anew counts from 1 again. What was sent behind a message that then failed gets a new
    /// one: dropped as a duplicate it would stay before that message for ever.
    fn dedup_id(&self, envelope: &Envelope, hop: &str) -> Option<String> {
        let identity = envelope.identity.as_deref()?;
        let time = envelope.timestamp_ms.unwrap_or_default();
        let copy = match self.reason {
            Some(_) => "dead".to_owned(),
            None => self.index.to_string(),
        };
        Some(match self.overtaken {
            0 => format!("{hop}:{identity}@{time}#{copy}"),
            times => format!("{hop}:{identity}@{time}#{copy}~{times}"),
        })
    }
}
