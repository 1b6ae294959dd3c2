//! Sessions with other agents over core subjects (see [`m2m_engine::session`]): HELLO is a request, ACCEPT its reply.
//!
//! ```no_run
//! # async fn example(client: m2m_nats::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use m2m_engine::bus::Address;
//! use m2m_engine::session::Settings;
//! let (agent, mut listener) = m2m_nats::session::open(&client, "agents.worker", Settings::new("worker")).await?;
//! let planner = Address { name: "agents.planner".into(), ..Address::default() };
//! let mut session = agent.connect(planner).await?;
//! session.send("what next?").await?;
//! println!("{:?}", session.recv().await?);
//! while let Some(mut session) = listener.accept().await {
//!     println!("{} says {:?}", session.peer_id().to_owned(), session.recv().await?);
//! }
//! # Ok(()) }
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use m2m_engine::session::{Endpoint, Listener, Moment, Place, Runtime, Settings, endpoint};

use crate::client::Client;
use crate::error::SourceError;
use crate::link::{CoreSink, CoreSource};

/// An agent that is reached at `subject`, which is its own; [`Client::new_inbox`] is good enough for one that only opens sessions. It
/// is reached when this returns. The client's engine wraps its payloads. Runs until all its handles are gone.
///
/// Core NATS keeps nothing: what is sent while one side is away is lost, and the other side not told. HELLO is repeated, payloads are not.
///
/// # Errors
/// When the subject cannot be subscribed to.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn open(
    client: &Client,
    subject: impl Into<String>,
    settings: Settings,
) -> Result<(Endpoint, Listener), SourceError> {
    let place = Place { address: subject.into(), keyed: false };
    let mut source = CoreSource::new(client.inner().clone(), place.address.clone(), None);
    source.ready().await?;
    let sink = CoreSink::new(client.inner().clone());
    let engine = Arc::clone(client.engine());
    let (endpoint, listener, task) = endpoint(place, source, sink, settings, engine, Tokio);
    tokio::spawn(task);
    Ok((endpoint, listener))
}

struct Tokio;

impl Runtime for Tokio {
    fn now(&self) -> Moment {
        Moment::at(Instant::now(), SystemTime::now())
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
