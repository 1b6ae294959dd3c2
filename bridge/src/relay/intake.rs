//! Reads a route's source, decides about each message, and puts it into its lane.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use m2m_engine::bus::{Delivery, Source};
use m2m_engine::error::{Classify, Transience};
use tokio::select;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::job::Job;
use super::lane::Lane;
use crate::buses::Buses;
use crate::counters::Counters;
use crate::dead_letter;
use crate::endpoint::{AnyReceipt, AnySource, LinkError};
use crate::facts::Reader;
use crate::guard;
use crate::route::{Plan, Rest, Route};

/// How often in a row a source may fail for a reason that stays, before the route gives up: something may be about to be set up.
const PERMANENT_FAILURES: usize = 5;

/// Reads a route's source.
pub(super) struct Intake {
    pub(super) route: Arc<Route>,
    pub(super) buses: Arc<Buses>,
    pub(super) reader: Arc<Reader>,
    pub(super) counters: Arc<Counters>,
    pub(super) lanes: Vec<Arc<Lane>>,
    /// One permit for each message in flight.
    pub(super) messages: Arc<Semaphore>,
    /// One permit for each byte in flight.
    pub(super) bytes: Arc<Semaphore>,
}

impl Intake {
    /// Reads until told to stop. What it opened is in `source` then, to be closed when all is settled.
    ///
    /// # Errors
    /// When the source fails for a reason that stays.
    pub(super) async fn run(
        &self,
        source: &mut Option<AnySource>,
        stop: &CancellationToken,
    ) -> Result<(), LinkError> {
        let mut backoff = Backoff::new(&self.route.retry);
        let mut permanent = 0;
        loop {
            let received = select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                received = self.receive(source) => received,
            };
            match received {
                Ok(batch) => {
                    permanent = 0;
                    if backoff.succeeded() {
                        tracing::info!(
                            route = self.route.name,
                            bus = self.route.source.bus(),
                            "the source delivers again"
                        );
                    }
                    for delivery in batch {
                        self.take(delivery).await;
                    }
                }
                Err(error) => {
                    if error.transience() == Transience::Permanent {
                        permanent += 1;
                        if permanent >= PERMANENT_FAILURES {
                            return Err(error);
                        }
                    }
                    let pause = backoff.failed(error.is_blameless());
                    if backoff.worth_telling() {
                        tracing::warn!(
                            route = self.route.name,
                            bus = self.route.source.bus(),
                            attempts = backoff.failures(),
                            retry_in = ?pause,
                            error = error.in_words(),
                            "the source failed and will be tried again"
                        );
                    }
                    select! {
                        () = stop.cancelled() => return Ok(()),
                        () = sleep(pause) => {}
                    }
                }
            }
        }
    }

    async fn receive(
        &self,
        source: &mut Option<AnySource>,
    ) -> Result<Vec<Delivery<AnyReceipt>>, LinkError> {
        let source = match source {
            Some(source) => source,
            none => {
                let opened = self.buses.source(&self.route).await?;
                tracing::info!(route = self.route.name, "reading from {}", self.route.source);
                none.insert(opened)
            }
        };
        source.recv().await
    }

    /// Waits for room, decides, and dispatches.
    async fn take(&self, Delivery { mut envelope, receipt }: Delivery<AnyReceipt>) {
        let len = envelope.payload.as_ref().map_or(0, |payload| payload.len());
        self.counters.received.add(1);
        self.counters.bytes_in.add(len);
        // A message larger than the bound goes alone.
        let bytes = u32::try_from(len.clamp(1, self.route.in_flight_bytes)).unwrap_or(u32::MAX);
        let (Ok(message), Ok(bytes)) = (
            Arc::clone(&self.messages).acquire_owned().await,
            Arc::clone(&self.bytes).acquire_many_owned(bytes).await,
        ) else {
            // The semaphores are never closed.
            return;
        };
        if self.route.redrive || envelope.header(dead_letter::REASON).is_some() {
            guard::redrive(&mut envelope);
        }
        let plan = match guard::pass(&envelope, &self.route.hop, self.route.loop_limit) {
            Ok(hops) => {
                let plan = self.route.plan(&self.reader, &envelope, &self.counters);
                guard::set(&mut envelope, hops);
                plan
            }
            Err(reason) => Plan { to: Vec::new(), rest: Rest::DeadLetter(reason) },
        };
        let Some(lane) = self.lane(envelope.order_key()) else { return };
        let job = Job::new(envelope, receipt, [message, bytes]);
        match plan.rest {
            Rest::Nothing => {}
            Rest::Nack => job.hand_back(),
            Rest::DeadLetter(reason) => lane.bury(&job, plan.to.len(), reason),
        }
        lane.dispatch(job, plan.to);
    }

    fn lane(&self, key: &[u8]) -> Option<&Arc<Lane>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(u64::MAX).max(1);
        self.lanes.get(usize::try_from(hasher.finish() % lanes).unwrap_or_default())
    }
}
