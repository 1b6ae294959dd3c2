//! Sessions with other agents over queues (see [`m2m_engine::session`]): each agent has one, which its messages name as `reply_to`.
//!
//! ```no_run
//! # async fn example(engine: std::sync::Arc<m2m_engine::Engine>) -> Result<(), Box<dyn std::error::Error>> {
//! use m2m_engine::bus::Address;
//! use m2m_engine::session::Settings;
//! let uri = "amqp://localhost";
//! let (agent, _listener) = m2m_amqp::session::open(uri, "agents.worker", Settings::new("worker"), engine).await?;
//! let planner = Address { name: "agents.planner".into(), ..Address::default() };
//! let mut session = agent.connect(planner).await?;
//! session.send("what next?").await?;
//! println!("{:?}", session.recv().await?);
//! # Ok(()) }
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lapin::ConnectionProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use m2m_engine::Engine;
use m2m_engine::error::{Classify, Transience};
use m2m_engine::session::{Endpoint, Listener, Moment, Place, Runtime, Settings, endpoint};

use crate::client::Connection;
use crate::error::{ChannelError, ConnectError};
use crate::link::{
    ExchangeSink, ExchangeSinkConfig, QueueSource, QueueSourceConfig, SinkError, SourceError,
};

/// How long a queue stays that nobody reads, in milliseconds: longer than any session without a message.
const EXPIRES_MS: i32 = 30 * 60 * 1000;

/// Why an agent cannot be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The broker cannot be reached.
    #[error("the broker cannot be reached")]
    Connect(#[from] ConnectError),
    /// The queue is not there and cannot be made.
    #[error("the queue cannot be declared")]
    Queue(#[from] ChannelError),
    /// The queue's name is over 255 bytes.
    #[error("the queue's name has {len} bytes; 255 is the limit")]
    Name {
        /// Its length.
        len: usize,
    },
    /// The queue cannot be consumed.
    #[error("the queue cannot be consumed")]
    Source(#[from] SourceError),
    /// Nothing can be sent.
    #[error("nothing can be sent")]
    Sink(#[from] SinkError),
}

impl Classify for OpenError {
    fn transience(&self) -> Transience {
        match self {
            Self::Connect(source) => source.transience(),
            Self::Queue(source) => source.transience(),
            Self::Name { .. } => Transience::Permanent,
            Self::Source(source) => source.transience(),
            Self::Sink(source) => source.transience(),
        }
    }
}

/// An agent that is reached at `queue`, by the default exchange; nobody else may consume it. A queue that is not there is made: durable, and gone
/// half an hour after the agent. Runs until all its handles are gone.
///
/// # Errors
/// When the broker cannot be reached, or does not let the queue be declared or consumed.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn open(
    uri: &str,
    queue: &str,
    settings: Settings,
    engine: Arc<Engine>,
) -> Result<(Endpoint, Listener), OpenError> {
    declare(uri, queue, &engine).await?;
    let config = QueueSourceConfig { queue: queue.to_owned(), ..QueueSourceConfig::default() };
    let source = QueueSource::connect(uri, config).await?;
    let sink = ExchangeSink::connect(uri, ExchangeSinkConfig::default()).await?;
    let place = Place { address: queue.to_owned(), keyed: false };
    let (endpoint, listener, task) = endpoint(place, source, sink, settings, engine, Tokio);
    tokio::spawn(task);
    Ok((endpoint, listener))
}

/// Makes the queue, unless there is one of that name, whatever it is like.
async fn declare(uri: &str, queue: &str, engine: &Arc<Engine>) -> Result<(), OpenError> {
    let name = ShortString::try_new(queue).map_err(|_| OpenError::Name { len: queue.len() })?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(EXPIRES_MS));
    let there = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    if declared(uri, &name, there, FieldTable::default(), engine).await.is_err() {
        declared(uri, &name, QueueDeclareOptions::durable(), arguments, engine).await?;
    }
    Ok(())
}

/// On a connection of its own: asking for a queue that is not there closes the channel, on which lapin then still is for a while.
async fn declared(
    uri: &str,
    queue: &ShortString,
    options: QueueDeclareOptions,
    arguments: FieldTable,
    engine: &Arc<Engine>,
) -> Result<(), OpenError> {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(uri, properties, Arc::clone(engine)).await?;
    let channel = connection.create_channel().await?;
    channel.queue_declare(queue.clone(), options, arguments).await?;
    Ok(connection.close(200, "declared".into()).await?)
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
