use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery as AmqpDelivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use m2m_engine::bus::{Capabilities, Delivery, Source};
use tokio::task::JoinHandle;

use super::connection::{ConnectionConfig, Endpoint};
use super::envelope;
use super::error::SourceError;
use super::receipt::QueueReceipt;
use crate::error::ConnectError;

/// What a [`QueueSource`] consumes, and how.
#[derive(Debug, Clone)]
pub struct QueueSourceConfig {
    /// The queue; it must exist.
    pub queue: String,
    /// How many unacknowledged messages the broker gives out at most, from 1; 256 unless told otherwise.
    pub prefetch: u16,
    /// The consumer's name on the broker, at most 255 bytes; empty lets the broker choose one.
    pub consumer_tag: String,
    /// No other consumer may have the queue at the same time.
    pub exclusive: bool,
    /// Arguments of the consumer, such as `x-priority`.
    pub arguments: FieldTable,
    /// How long a message that was not wanted is kept back before the broker may deliver it again; 500 ms unless told otherwise.
    pub nack_delay: Duration,
    /// How to connect.
    pub connection: ConnectionConfig,
}

impl Default for QueueSourceConfig {
    fn default() -> Self {
        Self {
            queue: String::new(),
            prefetch: 256,
            consumer_tag: String::new(),
            exclusive: false,
            arguments: FieldTable::default(),
            nack_delay: Duration::from_millis(500),
            connection: ConnectionConfig::default(),
        }
    }
}

/// A queue as a source of raw messages.
pub struct QueueSource {
    endpoint: Arc<Endpoint>,
    config: Arc<QueueSourceConfig>,
    open: Option<Open>,
    /// A task of its own, so that a `recv` that is dropped meanwhile leaves no consumer behind that nobody reads.
    opening: Option<JoinHandle<Result<Open, SourceError>>>,
    /// What ended the last consumer, where messages that came before it were handed out first.
    ended: Option<SourceError>,
}

struct Open {
    connection: lapin::Connection,
    channel: lapin::Channel,
    consumer: lapin::Consumer,
    /// The broker has cancelled the consumer.
    cancelled: bool,
}

impl Open {
    /// Consumes on the channel of a cancelled consumer, or on a new connection.
    async fn new(
        endpoint: Arc<Endpoint>,
        config: Arc<QueueSourceConfig>,
        cancelled: Option<Self>,
    ) -> Result<Self, SourceError> {
        let (connection, channel) = match cancelled {
            Some(open) => (open.connection, open.channel),
            None => {
                let connection = endpoint.connect().await?;
                let channel = connection.create_channel().await.map_err(ConnectError::from)?;
                (connection, channel)
            }
        };
        let consumer = consume(&channel, &config).await?;
        Ok(Self { connection, channel, consumer, cancelled: false })
    }
}

impl QueueSource {
    /// Connects and begins to consume.
    ///
    /// # Errors
    /// When the URI cannot be read, the broker cannot be reached, or does not let the queue be consumed.
    pub async fn connect(uri: &str, config: QueueSourceConfig) -> Result<Self, SourceError> {
        let endpoint = Arc::new(Endpoint::new(uri, config.connection.clone())?);
        let config = Arc::new(config);
        let mut source = Self { endpoint, config, open: None, opening: None, ended: None };
        source.open().await?;
        Ok(source)
    }

    /// The consumer; a new one where the broker cancelled it, on a new connection where that is lost.
    async fn open(&mut self) -> Result<&mut Open, SourceError> {
        drop(self.open.take_if(|open| !open.channel.status().connected()));
        let cancelled = self.open.take_if(|open| open.cancelled);
        Ok(match &mut self.open {
            Some(open) => open,
            none => {
                let opening = self.opening.get_or_insert_with(|| {
                    let (endpoint, config) = (Arc::clone(&self.endpoint), Arc::clone(&self.config));
                    tokio::spawn(Open::new(endpoint, config, cancelled))
                });
                let opened = opening.await;
                self.opening = None;
                // The task does not end by itself: the runtime is shutting down.
                none.insert(opened.map_err(|_| SourceError::Lost(closed()))??)
            }
        })
    }

    /// Notes that the stream of deliveries is over.
    fn end(&mut self, error: Option<lapin::Error>) -> SourceError {
        match (error, &mut self.open) {
            (None, Some(open)) if open.channel.status().connected() => {
                // The channel is kept, so that what came on it can still be acknowledged.
                open.cancelled = true;
                SourceError::Cancelled { queue: self.config.queue.clone() }
            }
            (error, _) => {
                self.open = None;
                SourceError::Lost(error.unwrap_or_else(closed))
            }
        }
    }
}

async fn consume(
    channel: &lapin::Channel,
    config: &QueueSourceConfig,
) -> Result<lapin::Consumer, SourceError> {
    let refused = |source| SourceError::Consume { queue: config.queue.clone(), source };
    let name = |text: &str| ShortString::try_new(text).map_err(|_| too_long(text));
    // 0 would mean no limit at all.
    let prefetch = config.prefetch.max(1);
    channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(refused)?;
    let options =
        BasicConsumeOptions { exclusive: config.exclusive, ..BasicConsumeOptions::default() };
    channel
        .basic_consume(
            name(&config.queue)?,
            name(&config.consumer_tag)?,
            options,
            config.arguments.clone(),
        )
        .await
        .map_err(refused)
}

fn too_long(name: &str) -> SourceError {
    SourceError::Name { len: name.len() }
}

fn closed() -> lapin::Error {
    lapin::ErrorKind::InvalidConnectionState(lapin::ConnectionState::Closed).into()
}

impl Source for QueueSource {
    type Receipt = QueueReceipt;
    type Error = SourceError;

    fn capabilities(&self) -> Capabilities {
        Capabilities { confirms: true, redelivers: true }
    }

    async fn recv(&mut self) -> Result<Vec<Delivery<QueueReceipt>>, SourceError> {
        if let Some(ended) = self.ended.take() {
            return Err(ended);
        }
        let nack_delay = self.config.nack_delay;
        loop {
            let Open { channel, consumer, .. } = self.open().await?;
            let channel = channel.clone();
            // Nothing is awaited between a delivery's coming out of here and its being returned.
            let mut item = consumer.next().await;
            let mut batch = Vec::new();
            let end = loop {
                match item {
                    Some(Ok(delivery)) => batch.push(delivery),
                    Some(Err(error)) => break Some(Some(error)),
                    None => break Some(None),
                }
                match consumer.next().now_or_never() {
                    Some(next) => item = next,
                    None => break None,
                }
            };
            // What came on a channel that is gone comes again on another one.
            batch.retain(|delivery: &AmqpDelivery| delivery.acker.usable());
            let end = end.map(|error| self.end(error));
            if batch.is_empty() {
                match end {
                    Some(error) => return Err(error),
                    None => continue,
                }
            }
            self.ended = end;
            let receive = |delivery: AmqpDelivery| Delivery {
                receipt: QueueReceipt {
                    channel: channel.clone(),
                    acker: delivery.acker.clone(),
                    delivery_tag: delivery.delivery_tag,
                    nack_delay,
                },
                envelope: envelope::read(delivery),
            };
            return Ok(batch.into_iter().map(receive).collect());
        }
    }

    async fn close(self) -> Result<(), SourceError> {
        match &self.open {
            // Acknowledgements are written by now, and the broker reads them before the closing.
            Some(open) => Ok(self.endpoint.close(&open.connection).await?),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for QueueSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSource")
            .field("endpoint", &self.endpoint)
            .field("queue", &self.config.queue)
            .finish_non_exhaustive()
    }
}
