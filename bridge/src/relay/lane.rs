//! Where the copies of one lane's messages go, and how their messages end.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::job::{Job, Part};
use crate::counters::Counters;
use crate::facts::Reader;
use crate::reason::Reason;
use crate::route::{Outgoing, Route};

/// One lane of a route.
///
/// Its queues are unbounded by themselves; what bounds them is that every message in them holds one of the route's permits.
pub(super) struct Lane {
    pub(super) route: Arc<Route>,
    pub(super) counters: Arc<Counters>,
    pub(super) reader: Arc<Reader>,
    /// To this lane's pipeline for each of the route's sinks.
    pub(super) pipelines: Vec<UnboundedSender<Part>>,
    pub(super) settler: UnboundedSender<Job>,
}

impl Lane {
    /// Puts copies on their way; without any the message is done.
    pub(super) fn dispatch(&self, job: Arc<Job>, to: Vec<Outgoing>) {
        for (index, outgoing) in to.into_iter().enumerate() {
            self.forward(Part::new(&job, outgoing, index));
        }
        self.release(job);
    }

    /// A copy cannot be delivered: its message becomes a dead letter, or is handed back where there is no place for dead letters, and
    /// where the dead letter itself cannot be delivered.
    pub(super) fn undeliverable(&self, part: Part, reason: Reason) {
        let index = part.index;
        let job = Arc::clone(&part.job);
        if part.reason.is_some() {
            tracing::error!(route = self.route.name, %reason, "a dead letter cannot be delivered; its message is handed back");
            job.hand_back();
        } else {
            self.bury(&job, index, reason);
        }
        drop(part);
        self.release(job);
    }

    /// Makes the message a dead letter.
    pub(super) fn bury(&self, job: &Arc<Job>, index: usize, reason: Reason) {
        match self.route.dead_letter(&self.reader, &job.envelope) {
            Some(outgoing) => {
                if reason == Reason::Unmatched {
                    // As the configuration wants it: the counter tells enough.
                    tracing::debug!(
                        route = self.route.name,
                        "an unmatched message goes to the dead letters"
                    );
                } else {
                    tracing::warn!(route = self.route.name, %reason, "a message goes to the dead letters");
                }
                let part = Part::new(job, outgoing, index);
                self.forward(Part { reason: Some(reason), ..part });
            }
            None => {
                tracing::warn!(route = self.route.name, %reason, "a message cannot be delivered and is handed back");
                job.hand_back();
            }
        }
    }

    /// One copy is done with; the last one settles the message.
    pub(super) fn release(&self, job: Arc<Job>) {
        if let Some(job) = Arc::into_inner(job) {
            // The settler ends after all jobs have; without it nothing is acknowledged, and so delivered again.
            let _ = self.settler.send(job);
        }
    }

    fn forward(&self, part: Part) {
        if let Some(pipeline) = self.pipelines.get(part.outgoing.sink) {
            // A pipeline ends after all jobs have.
            let _ = pipeline.send(part);
        }
    }
}
