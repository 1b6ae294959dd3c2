use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use m2m_engine::bus::{Capabilities, Envelope, Sink};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Sleep, timeout};

use super::connection::{ConnectionConfig, Endpoint};
use super::envelope;
use super::error::SinkError;
use crate::outbound::{Failure, Outcome, Publisher, Tally};

/// How an [`ExchangeSink`] sends.
#[derive(Debug, Clone)]
pub struct ExchangeSinkConfig {
    /// Whether a message that no queue takes is an error; yes unless told otherwise.
    pub mandatory: bool,
    /// How long a confirmation is waited for; 30 s unless told otherwise.
    pub confirm_timeout: Duration,
    /// How many messages may be without confirmation, from 1; 256 unless told otherwise.
    pub max_in_flight: u16,
    /// How to connect.
    pub connection: ConnectionConfig,
}

impl Default for ExchangeSinkConfig {
    fn default() -> Self {
        Self {
            mandatory: true,
            confirm_timeout: Duration::from_secs(30),
            max_in_flight: 256,
            connection: ConnectionConfig::default(),
        }
    }
}

/// Exchanges as a sink for raw messages: each goes to the exchange and with the routing key of its address.
pub struct ExchangeSink {
    endpoint: Endpoint,
    config: ExchangeSinkConfig,
    open: Option<Open>,
    slots: Arc<Semaphore>,
    tally: Arc<Tally>,
}

struct Open {
    connection: lapin::Connection,
    channel: lapin::Channel,
    publisher: Publisher,
}

impl ExchangeSink {
    /// Connects.
    ///
    /// # Errors
    /// When the URI cannot be read, or the broker cannot be reached or refuses the connection.
    pub async fn connect(uri: &str, config: ExchangeSinkConfig) -> Result<Self, SinkError> {
        let slots = Arc::new(Semaphore::new(usize::from(config.max_in_flight.max(1))));
        let endpoint = Endpoint::new(uri, config.connection.clone())?;
        let mut sink = Self { endpoint, config, open: None, slots, tally: Arc::default() };
        sink.open().await?;
        Ok(sink)
    }

    /// A channel with confirmations; on a new connection where the old one is lost.
    async fn open(&mut self) -> Result<&Open, SinkError> {
        drop(self.open.take_if(|open| !open.channel.status().connected()));
        Ok(match &mut self.open {
            Some(open) => open,
            none => {
                let connection = self.endpoint.connect().await?;
                let channel = connection.create_channel().await.map_err(SinkError::Channel)?;
                let confirm = channel.confirm_select(ConfirmSelectOptions::default());
                confirm.await.map_err(SinkError::Channel)?;
                let publisher = Publisher::start(channel.clone(), Arc::clone(&self.tally));
                none.insert(Open { connection, channel, publisher })
            }
        })
    }

    /// Waits for a place among the messages in flight. After a channel was closed for the fault of one of several messages, those
    /// go one by one: with a single message in flight there is no doubt whose fault it is.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        let places = if self.tally.suspects() > 0 { self.places() } else { 1 };
        let slot = Arc::clone(&self.slots).acquire_many_owned(places).await;
        // The semaphore is never closed.
        slot.ok()
    }

    fn places(&self) -> u32 {
        u32::from(self.config.max_in_flight.max(1))
    }
}

impl Sink for ExchangeSink {
    type Confirmation = ExchangeConfirmation;
    type Error = SinkError;

    fn capabilities(&self) -> Capabilities {
        Capabilities { confirms: true, redelivers: true }
    }

    async fn send(&mut self, envelope: Envelope) -> Result<ExchangeConfirmation, SinkError> {
        let message = envelope::write(envelope, self.config.mandatory)?;
        let slot = self.slot().await;
        let open = self.open().await?;
        // RabbitMQ closes the connection over such a message, every time it is tried again.
        let limit = open.connection.configuration().frame_max();
        let (len, limit) = (
            envelope::header_frame_len(&message.properties),
            usize::try_from(limit).unwrap_or(usize::MAX),
        );
        if len > limit {
            return Err(SinkError::Headers { len, limit });
        }
        let outcome = open.publisher.publish(message, slot).outcome;
        self.tally.sent();
        let waited = self.config.confirm_timeout;
        Ok(ExchangeConfirmation { outcome, deadline: Box::pin(tokio::time::sleep(waited)), waited })
    }

    async fn close(self) -> Result<(), SinkError> {
        let failed_before = self.tally.failed();
        let all = self.slots.acquire_many(self.places());
        let in_time = timeout(self.config.confirm_timeout, all).await.is_ok();
        let free = u32::try_from(self.slots.available_permits()).unwrap_or(u32::MAX);
        let unfinished = if in_time { 0 } else { self.places().saturating_sub(free) };
        let count = usize::try_from(unfinished).unwrap_or(usize::MAX)
            + (self.tally.failed() - failed_before);
        if let Some(open) = &self.open
            && open.connection.status().connected()
        {
            self.endpoint.close(&open.connection).await?;
        }
        if count > 0 {
            return Err(SinkError::Unfinished { count });
        }
        Ok(())
    }
}

impl fmt::Debug for ExchangeSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeSink").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Resolves when the broker has confirmed the message, or not in time.
#[derive(Debug)]
pub struct ExchangeConfirmation {
    outcome: oneshot::Receiver<Outcome>,
    deadline: Pin<Box<Sleep>>,
    waited: Duration,
}

impl Future for ExchangeConfirmation {
    type Output = Result<(), SinkError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(outcome) = Pin::new(&mut self.outcome).poll(cx) {
            let outcome = outcome.unwrap_or_else(|_| Err(Failure::gone()));
            return Poll::Ready(outcome.map(drop).map_err(SinkError::from));
        }
        // The message keeps its place in flight: the broker may still be busy with it.
        self.deadline
            .as_mut()
            .poll(cx)
            .map(|()| Err(SinkError::NotConfirmed { waited: self.waited }))
    }
}
