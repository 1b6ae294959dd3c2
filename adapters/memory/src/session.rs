//! Sessions with other agents on the bus (see [`m2m_engine::session`]).
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use m2m_engine::bus::Address;
//! use m2m_engine::session::Settings;
//! # let engine = std::sync::Arc::new(m2m_engine::Engine::new(m2m_engine::Config::default())?);
//! let client = m2m_memory::Client::new(m2m_memory::Bus::default(), engine);
//! let (_planner, mut listener) = m2m_memory::session::open(&client, "agents.planner", Settings::new("planner"))?;
//! let (worker, _) = m2m_memory::session::open(&client, "agents.worker", Settings::new("worker"))?;
//!
//! let planner = Address { name: "agents.planner".into(), ..Address::default() };
//! let mut asking = worker.connect(planner).await?; // HELLO, ACCEPT, a key
//! let mut answering = listener.accept().await.ok_or("the bus has ended")?;
//! asking.send("what next?").await?;
//! assert_eq!(answering.recv().await?, b"what next?");
//! assert!(asking.is_encrypted() && asking.id() == answering.id());
//! # Ok(()) }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use m2m_engine::session::{Endpoint, Listener, Moment, Place, Runtime, Settings, endpoint};

use crate::Client;
use crate::error::SubscribeError;

/// The group that an agent receives as, the only one on its subject.
const GROUP: &str = "m2m-session";

/// An agent that is reached at `subject`, which is its own: it opens sessions and, with the [`Listener`] kept, takes them. The client's engine
/// wraps its payloads. Runs until all its handles are gone.
///
/// # Errors
/// When the subject cannot be, or the bus is closed.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn open(
    client: &Client,
    subject: &str,
    settings: Settings,
) -> Result<(Endpoint, Listener), SubscribeError> {
    let bus = client.inner().clone();
    let source = bus.source(subject, GROUP)?;
    let place = Place { address: subject.to_owned(), keyed: false };
    let engine = Arc::clone(client.engine());
    let (endpoint, listener, task) = endpoint(place, source, bus.sink(), settings, engine, Tokio);
    let subject = subject.to_owned();
    tokio::spawn(async move {
        task.await;
        // A group that nobody reads would stop its publishers one day.
        bus.delete(&subject, GROUP);
    });
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
