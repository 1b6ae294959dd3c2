//! Tells the source what became of its messages.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use m2m_engine::bus::Receipt;
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use super::job::Job;
use crate::counters::Counters;
use crate::route::Route;

/// Settles jobs in any order, many at a time, until `drained`.
pub(super) async fn run(
    route: Arc<Route>,
    counters: Arc<Counters>,
    mut jobs: UnboundedReceiver<Job>,
    drained: CancellationToken,
) {
    // Bounded as the jobs are: by their permits, which they keep until they are settled.
    let mut settling = FuturesUnordered::new();
    loop {
        select! {
            () = drained.cancelled() => return,
            Some(()) = settling.next() => {}
            Some(job) = jobs.recv() => settling.push(settle(&route, &counters, job)),
        }
    }
}

async fn settle(route: &Route, counters: &Counters, job: Job) {
    let (receipt, hand_back, permits) = job.into_parts();
    let (result, counter) = if hand_back {
        (receipt.nack().await, &counters.nacked)
    } else {
        (receipt.ack().await, &counters.acknowledged)
    };
    match result {
        Ok(()) => counter.add(1),
        Err(error) => {
            counters.unsettled.add(1);
            tracing::debug!(route = route.name, %error, "a message was not settled and will be delivered again");
        }
    }
    drop(permits);
}
