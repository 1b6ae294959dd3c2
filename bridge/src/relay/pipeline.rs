//! One lane's way to one sink: sends in order, many in flight, and again in order after a failure.
//!
//! ```text
//! queue ─► pending: [ sent, confirmation awaited | to be sent ] ─► done
//! ```

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use m2m_engine::error::{Classify, Transience};
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::job::Part;
use super::lane::Lane;
use super::sink::SharedSink;
use crate::endpoint::LinkError;
use crate::reason::Reason;

/// One lane's way to one sink.
pub(super) struct Pipeline {
    lane: Arc<Lane>,
    sink: Arc<SharedSink>,
    /// Not yet confirmed, in order. The first ones have been sent.
    pending: VecDeque<Part>,
    backoff: Backoff,
    /// Before the next send.
    pause: Duration,
}

/// What a confirmation means for those behind it.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    /// The first of `pending` failed and will be sent again, and so will all behind it.
    SendAgain,
}

impl Pipeline {
    pub(super) fn new(lane: Arc<Lane>, sink: Arc<SharedSink>) -> Self {
        let backoff = Backoff::new(&lane.route.retry);
        Self { lane, sink, pending: VecDeque::new(), backoff, pause: Duration::ZERO }
    }

    /// Runs until `drained`.
    pub(super) async fn run(
        mut self,
        mut queue: UnboundedReceiver<Part>,
        drained: CancellationToken,
    ) {
        // One for each part that was sent, in the order of `pending`.
        let mut confirmations = FuturesOrdered::new();
        loop {
            let sent = confirmations.len();
            // After a failure the first part goes alone: should it fail for good, those behind it would be sent again each time.
            let clear = sent == 0 || !self.backoff.failing();
            let Some(part) = self.pending.get(sent).filter(|_| clear) else {
                select! {
                    biased;
                    () = drained.cancelled() => return,
                    Some(result) = confirmations.next() => {
                        if self.confirmed(result, sent) == Then::SendAgain {
                            confirmations.clear();
                        }
                    }
                    Some(part) = queue.recv(), if sent == self.pending.len() => self.pending.push_back(part),
                }
                continue;
            };
            let envelope = part.envelope(self.lane.route.source.bus(), &self.lane.route.hop);
            let bytes = envelope.payload.as_ref().map_or(0, |payload| payload.len());
            let sink = Arc::clone(&self.sink);
            let pause = std::mem::take(&mut self.pause);
            let mut sending = pin!(async move {
                // A pause of zero would still last until the timer's next tick, a millisecond later.
                if !pause.is_zero() {
                    sleep(pause).await;
                }
                sink.send(envelope).await
            });
            // A sink may have no room until confirmations are taken from it, so they are awaited meanwhile. A send that has begun is seen
            // through, whatever they say.
            let mut again = false;
            let outcome = loop {
                select! {
                    biased;
                    () = drained.cancelled() => return,
                    Some(result) = confirmations.next() => {
                        if self.confirmed(result, confirmations.len() + 2) == Then::SendAgain {
                            confirmations.clear();
                            again = true;
                        }
                    }
                    outcome = &mut sending => break outcome,
                }
            };
            if again {
                // Its turn comes again, behind the one that failed. Where that was the only one sent, it stands first itself.
                continue;
            }
            match outcome {
                Ok(confirmation) => {
                    self.sent(confirmations.len(), bytes);
                    confirmations.push_back(confirmation.confirmed());
                }
                Err(error) => self.refused(confirmations.len(), &error),
            }
        }
    }

    /// A confirmation came for the first of `pending`, `sent` of which were sent.
    fn confirmed(&mut self, result: Result<(), LinkError>, sent: usize) -> Then {
        let counters = &self.lane.counters;
        match result {
            Ok(()) => {
                let counter = if self.sink.confirms() {
                    &counters.confirmed
                } else {
                    &counters.unconfirmable
                };
                counter.add(1);
                self.recovered();
                if let Some(part) = self.pending.pop_front() {
                    if part.reason.is_some() {
                        self.lane.counters.dead_lettered.add(1);
                    }
                    self.lane.release(part.job);
                }
                Then::GoOn
            }
            Err(error) => {
                let kept = self.pending.len();
                self.refused(0, &error);
                if self.pending.len() < kept {
                    return Then::GoOn;
                }
                for part in self.pending.iter_mut().take(sent).skip(1) {
                    part.overtaken += 1;
                }
                Then::SendAgain
            }
        }
    }

    /// The part at `index` was handed to the sink.
    fn sent(&mut self, index: usize, bytes: usize) {
        let counters = &self.lane.counters;
        counters.sent.add(1);
        counters.bytes_out.add(bytes);
        if let Some(part) = self.pending.get_mut(index)
            && std::mem::replace(&mut part.sent, true)
        {
            counters.retried.add(1);
        }
    }

    /// The sink did not take the part at `index`: it stays for another try, or leaves for good.
    fn refused(&mut self, index: usize, error: &LinkError) {
        self.lane.counters.failed.add(1);
        let reason = match error.transience() {
            Transience::Permanent => Reason::Refused { error: error.in_words() },
            Transience::Transient => {
                self.pause = self.backoff.failed(error.is_blameless());
                if self.backoff.worth_telling() {
                    tracing::warn!(
                        route = self.lane.route.name,
                        bus = self.sink.bus(),
                        attempts = self.backoff.failures(),
                        retry_in = ?self.pause,
                        error = error.in_words(),
                        "a send failed and will be tried again"
                    );
                }
                if !self.backoff.exhausted() {
                    return;
                }
                let attempts = self.backoff.attempts();
                self.backoff.succeeded();
                Reason::GaveUp { attempts, error: error.in_words() }
            }
        };
        if let Some(part) = self.pending.remove(index) {
            self.lane.undeliverable(part, reason);
        }
    }

    fn recovered(&mut self) {
        if self.backoff.succeeded() {
            self.pause = Duration::ZERO;
            tracing::info!(
                route = self.lane.route.name,
                bus = self.sink.bus(),
                "sends succeed again"
            );
        }
    }
}
