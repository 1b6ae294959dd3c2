//! A route's sink, shared by its lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use m2m_engine::bus::Envelope;
use tokio::sync::Mutex;

use crate::buses::Buses;
use crate::endpoint::{AnyConfirmation, AnySink, LinkError};
use crate::route::{Route, SinkSpec};

/// One sink for all lanes of a route: a connection for each lane would cost brokers more than the lock costs here. Order within a
/// lane holds, as a lane hands over its next message only after the one before it has its place in the order of calls.
pub(super) struct SharedSink {
    buses: Arc<Buses>,
    route: Arc<Route>,
    spec: SinkSpec,
    confirms: AtomicBool,
    open: Mutex<Option<AnySink>>,
}

impl SharedSink {
    pub(super) fn new(buses: Arc<Buses>, route: Arc<Route>, spec: SinkSpec) -> Self {
        let confirms = AtomicBool::new(!spec.core);
        Self { buses, route, spec, confirms, open: Mutex::default() }
    }

    /// The bus, by its name.
    pub(super) fn bus(&self) -> &str {
        &self.spec.bus
    }

    /// Whether the broker says that it has accepted a message.
    pub(super) fn confirms(&self) -> bool {
        self.confirms.load(Ordering::Relaxed)
    }

    /// Opens it ahead of the first message.
    pub(super) async fn open(&self) -> Result<(), LinkError> {
        self.opened(&mut *self.open.lock().await).await.map(drop)
    }

    async fn opened<'a>(
        &self,
        slot: &'a mut Option<AnySink>,
    ) -> Result<&'a mut AnySink, LinkError> {
        Ok(match slot {
            Some(sink) => sink,
            none => {
                // No message is to blame for a broker that cannot be reached, or does not let us in.
                let sink = self.buses.sink(&self.route, &self.spec).await;
                let sink = sink.map_err(LinkError::unconnected)?;
                self.confirms.store(sink.capabilities().confirms, Ordering::Relaxed);
                none.insert(sink)
            }
        })
    }

    /// Sends in the order of calls.
    pub(super) async fn send(&self, envelope: Envelope) -> Result<AnyConfirmation, LinkError> {
        let mut slot = self.open.lock().await;
        self.opened(&mut slot).await?.send(envelope).await
    }

    /// Closes it, if it is open.
    pub(super) async fn close(&self) -> Result<(), LinkError> {
        let sink = self.open.lock().await.take();
        match sink {
            Some(sink) => sink.close().await,
            None => Ok(()),
        }
    }
}
