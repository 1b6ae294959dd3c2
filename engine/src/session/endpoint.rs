//! An agent's sessions over a bus: one future that moves messages between a [`Driver`] and a source and a sink, and the handles that
//! applications hold. It runs on any async runtime: the adapter that spawns it gives it a clock and a way to wait.

mod handle;
mod task;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};

pub use handle::{BusError, ConnectError, Endpoint, Listener, SendError, Session};

use super::driver::{Driver, Handle};
use super::error::End;
use super::machine::Moment;
use super::settings::Settings;
use crate::bus::{Address, Sink, Source};
use crate::flow::Engine;

/// What an application asks of the task.
enum Command {
    Connect {
        to: Address,
        done: oneshot::Sender<Result<Session, ConnectError>>,
    },
    Send {
        handle: Handle,
        payload: Bytes,
        done: oneshot::Sender<Result<(), SendError>>,
    },
    Close {
        handle: Handle,
        done: Option<oneshot::Sender<End>>,
    },
    /// The last handle is gone.
    End,
}

/// Where an agent is reached on its bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What its source receives from, as its peers are to name it: a subject, a topic, a queue.
    pub address: String,
    /// Whether messages of one session get one key, which keeps them in order on a bus with partitions.
    pub keyed: bool,
}

/// What the task needs of an async runtime.
pub trait Runtime: Send + 'static {
    /// What time it is.
    fn now(&self) -> Moment;

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// An agent at `place`: what opens sessions, what takes those that others open, and the future that does the work, to be spawned. The
/// future ends when all handles are gone, or the bus has ended.
///
/// Without a [`Listener`], offers are rejected. `source` receives what is sent to the place, and nothing else reads from it. Both reconnect by
/// themselves, as the seam has it; sessions are none the wiser. A message that is received is acknowledged at once: it is lost with its session.
pub fn endpoint<I: Source, O: Sink, R: Runtime>(
    place: Place,
    source: I,
    sink: O,
    settings: Settings,
    engine: Arc<Engine>,
    runtime: R,
) -> (Endpoint, Listener, impl Future<Output = ()> + Send + 'static) {
    let settings = Arc::new(settings);
    let (commands, asked) = mpsc::unbounded();
    let (offer, offered) = mpsc::unbounded();
    let anchor = Arc::new(handle::Anchor::new(commands));
    let task = task::Task {
        driver: Driver::new(Arc::clone(&settings), engine),
        settings,
        place,
        sink,
        runtime,
        anchor: Arc::downgrade(&anchor),
        asked,
        offer,
        sessions: std::collections::HashMap::new(),
        flying: futures_util::stream::FuturesUnordered::new(),
    };
    (Endpoint::new(Arc::clone(&anchor)), Listener::new(offered, anchor), task.run(source))
}
