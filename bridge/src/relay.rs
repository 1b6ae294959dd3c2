//! One route at work.
//!
//! ```text
//!            ┌─ lane ─┬─ pipeline ─► sink ─ confirmed ─┐
//! source ─► intake    └─ pipeline ─► sink ─ confirmed ─┴─► settler ─► ack or nack, in any order
//!            └─ lane ─ …
//! ```
//!
//! Intake puts messages of one key into one lane; a lane has a pipeline for each of the route's sinks, which sends in order. A message
//! is settled when its last copy is confirmed. Everything is bounded by the permits that a message holds until it is settled: without
//! one nothing is read.

mod backoff;
mod intake;
mod job;
mod lane;
mod pipeline;
mod settler;
mod sink;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use m2m_engine::bus::Source;
use tokio::select;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::buses::Buses;
use crate::counters::Counters;
use crate::endpoint::{AnySource, LinkError};
use crate::facts::Reader;
use crate::route::Route;
use intake::Intake;
use lane::Lane;
use pipeline::Pipeline;
use sink::SharedSink;

/// How long closing sources and sinks may take once everything is settled.
const CLOSE: Duration = Duration::from_secs(10);

/// Why a route ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    /// Its source cannot be read, and trying again does not help.
    #[error("the source of route {route} cannot be read: {}", .error.in_words())]
    Source { route: String, error: LinkError },
    /// One of its tasks ended, by a panic or a bug.
    #[error("a task of route {route} ended unexpectedly")]
    Task { route: String, source: Option<JoinError> },
}

/// What routes share.
pub(crate) struct Shared {
    pub(crate) buses: Arc<Buses>,
    pub(crate) reader: Arc<Reader>,
    /// How long what is in flight may take to finish.
    pub(crate) shutdown_timeout: Duration,
}

/// Relays until told to stop, then finishes what is in flight. Gives the number of messages that were left unsettled.
pub(crate) async fn run(
    shared: Arc<Shared>,
    route: Arc<Route>,
    counters: Arc<Counters>,
    stop: CancellationToken,
) -> Result<usize, RelayError> {
    let drained = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let sinks = sinks(&shared, &route);
    for sink in &sinks {
        tasks.spawn(open_early(Arc::clone(&route), Arc::clone(sink), drained.clone()));
    }
    let (settler, jobs) = mpsc::unbounded_channel();
    let settling = settler::run(Arc::clone(&route), Arc::clone(&counters), jobs, drained.clone());
    tasks.spawn(settling);
    let lanes = (0..route.lanes).map(|_| {
        let (pipelines, queues): (Vec<_>, Vec<_>) =
            sinks.iter().map(|_| mpsc::unbounded_channel()).unzip();
        let lane = Arc::new(Lane {
            route: Arc::clone(&route),
            counters: Arc::clone(&counters),
            reader: Arc::clone(&shared.reader),
            pipelines,
            settler: settler.clone(),
        });
        for (sink, queue) in sinks.iter().zip(queues) {
            let pipeline = Pipeline::new(Arc::clone(&lane), Arc::clone(sink));
            tasks.spawn(pipeline.run(queue, drained.clone()));
        }
        lane
    });
    let intake = Intake {
        lanes: lanes.collect(),
        buses: Arc::clone(&shared.buses),
        reader: Arc::clone(&shared.reader),
        messages: Arc::new(Semaphore::new(route.in_flight)),
        bytes: Arc::new(Semaphore::new(route.in_flight_bytes)),
        counters,
        route: Arc::clone(&route),
    };
    let mut source = None;
    let result = work(&intake, &mut source, &mut tasks, &stop, shared.shutdown_timeout).await;
    drained.cancel();
    let unsettled = route.in_flight.saturating_sub(intake.messages.available_permits());
    // What hangs is ended here; its messages stay unacknowledged.
    tasks.shutdown().await;
    close(&route, source, &sinks).await;
    result.map(|()| unsettled)
}

fn sinks(shared: &Arc<Shared>, route: &Arc<Route>) -> Vec<Arc<SharedSink>> {
    let sink = |spec: &crate::route::SinkSpec| {
        Arc::new(SharedSink::new(Arc::clone(&shared.buses), Arc::clone(route), spec.clone()))
    };
    route.sinks.iter().map(sink).collect()
}

/// Opens a sink before its first message, so that the log says at the start what is amiss. Sends try again by themselves.
async fn open_early(route: Arc<Route>, sink: Arc<SharedSink>, drained: CancellationToken) {
    select! {
        () = drained.cancelled() => return,
        opened = sink.open() => match opened {
            Ok(()) if sink.confirms() => {}
            Ok(()) => tracing::warn!(route = route.name, bus = sink.bus(), "core NATS cannot confirm: messages to it can be lost"),
            Err(error) => tracing::warn!(
                route = route.name,
                bus = sink.bus(),
                error = error.in_words(),
                "a destination is not there yet and will be tried again"
            ),
        }
    }
    drained.cancelled().await;
}

/// Reads until told to stop, then waits until everything read is settled, not longer than `limit`.
async fn work(
    intake: &Intake,
    source: &mut Option<AnySource>,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
    limit: Duration,
) -> Result<(), RelayError> {
    let name = || intake.route.name.clone();
    let reading = async {
        intake
            .run(source, stop)
            .await
            .map_err(|error| RelayError::Source { route: name(), error })?;
        // Every permit is back: everything is settled.
        let all = u32::try_from(intake.route.in_flight).unwrap_or(u32::MAX);
        drop(intake.messages.acquire_many(all).await);
        Ok(())
    };
    let overtime = async {
        stop.cancelled().await;
        sleep(limit).await;
    };
    select! {
        biased;
        ended = tasks.join_next() => {
            Err(RelayError::Task { route: name(), source: ended.and_then(Result::err) })
        }
        result = reading => result,
        () = overtime => Ok(()),
    }
}

async fn close(route: &Route, source: Option<AnySource>, sinks: &[Arc<SharedSink>]) {
    let report = |what: &str, result: Result<Result<(), LinkError>, _>| {
        let error = match result {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.in_words(),
            Err(_) => format!("not within {CLOSE:?}"),
        };
        tracing::warn!(route = route.name, error, "{what} did not close in an orderly way");
    };
    for sink in sinks {
        report("a destination", timeout(CLOSE, sink.close()).await);
    }
    if let Some(source) = source {
        report("the source", timeout(CLOSE, source.close()).await);
    }
}
