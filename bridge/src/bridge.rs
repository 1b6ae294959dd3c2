//! A whole bridge: all its routes, until it is told to stop or one of them fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::buses::{Buses, MemoryBuses};
use crate::config::{Config, ConfigError};
use crate::counters::{Counters, Snapshot};
use crate::facts::Reader;
use crate::relay::{self, RelayError, Shared};
use crate::route::{self, Route};

/// Why a bridge ended before it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// A route's source cannot be read, and trying again does not help.
    #[error("{message}")]
    Source {
        /// Which, and why.
        message: String,
    },
    /// Part of a route ended by a panic or a bug.
    #[error("{message}")]
    Task {
        /// Which.
        message: String,
        /// How.
        #[source]
        source: Option<tokio::task::JoinError>,
    },
}

impl From<RelayError> for BridgeError {
    fn from(error: RelayError) -> Self {
        let message = error.to_string();
        match error {
            RelayError::Source { .. } => Self::Source { message },
            RelayError::Task { source, .. } => Self::Task { message, source },
        }
    }
}

/// What a bridge did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Counters by route.
    pub routes: BTreeMap<String, Snapshot>,
    /// Messages read and not settled within `shutdown_timeout`: their brokers deliver them again.
    pub unsettled: usize,
}

/// A bridge, checked and ready to run.
pub struct Bridge {
    shared: Arc<Shared>,
    routes: Vec<(Arc<Route>, Arc<Counters>)>,
    log_interval: Duration,
}

impl Bridge {
    /// Checks the configuration. Nothing is connected yet.
    ///
    /// # Errors
    /// When the configuration cannot work, with all that is wrong.
    pub fn new(config: &Config, memory: &MemoryBuses) -> Result<Self, ConfigError> {
        let routes = route::compile(config)?.into_iter();
        let reader = Reader::new().map_err(|error| ConfigError::Value {
            place: config.origin.place(0),
            key: String::new(),
            message: error.to_string(),
        })?;
        let shared = Shared {
            buses: Arc::new(Buses::new(config, memory)),
            reader: Arc::new(reader),
            shutdown_timeout: config.shutdown_timeout,
        };
        Ok(Self {
            shared: Arc::new(shared),
            routes: routes.map(|route| (Arc::new(route), Arc::default())).collect(),
            log_interval: config.log.interval.max(Duration::from_secs(1)),
        })
    }

    /// Every route's counters, now.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, Snapshot> {
        let snapshot = |(route, counters): &(Arc<Route>, Arc<Counters>)| {
            (route.name.clone(), counters.snapshot())
        };
        self.routes.iter().map(snapshot).collect()
    }

    /// Relays until `stop` is cancelled; then reads no more, finishes what is in flight, and gives a report.
    ///
    /// # Errors
    /// When a route fails for a reason that stays; the others are stopped as if by `stop`.
    pub async fn run(&self, stop: CancellationToken) -> Result<Report, BridgeError> {
        // A failing route stops its siblings, not the caller's other work.
        let stop = stop.child_token();
        let mut running = JoinSet::new();
        for (route, counters) in &self.routes {
            let (shared, stop) = (Arc::clone(&self.shared), stop.clone());
            running.spawn(relay::run(shared, Arc::clone(route), Arc::clone(counters), stop));
        }
        let mut ticks = interval(self.log_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks.reset();
        let mut unsettled = 0;
        let mut failure: Option<BridgeError> = None;
        loop {
            select! {
                ended = running.join_next() => {
                    let error = match ended {
                        None => break,
                        Some(Ok(Ok(left))) => {
                            unsettled += left;
                            continue;
                        }
                        Some(Ok(Err(error))) => error.into(),
                        Some(Err(error)) => BridgeError::Task {
                            message: "a route ended unexpectedly".to_owned(),
                            source: Some(error),
                        },
                    };
                    tracing::error!(%error, "the bridge stops");
                    failure.get_or_insert(error);
                    stop.cancel();
                }
                _ = ticks.tick() => self.log("so far"),
            }
        }
        self.log("in all");
        match failure {
            Some(error) => Err(error),
            None => Ok(Report { routes: self.counters(), unsettled }),
        }
    }

    fn log(&self, words: &str) {
        for (route, counters) in &self.routes {
            counters.snapshot().log(&route.name, words);
        }
    }
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").field("counters", &self.counters()).finish_non_exhaustive()
    }
}
