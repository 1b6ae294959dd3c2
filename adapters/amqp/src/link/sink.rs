use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use m2m_engine::bus::{Capabilities, Envelope, Sink};
use tokio::time::{Sleep, timeout};

use super::connection::{ConnectionConfig, Endpoint};
use super::envelope;
use super::error::SinkError;
use crate::outbound::{Flights, Tally, Ticket};

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
    tally: Arc<Tally>,
}

struct Open {
    connection: lapin::Connection,
    channel: lapin::Channel,
    flights: Flights,
}

impl ExchangeSink {
    /// Connects.
    ///
    /// # Errors
    /// When the URI cannot be read, or the broker cannot be reached or refuses the connection.
    pub async fn connect(uri: &str, config: ExchangeSinkConfig) -> Result<Self, SinkError> {
        let endpoint = Endpoint::new(uri, config.connection.clone())?;
        let mut sink = Self { endpoint, config, open: None, tally: Arc::default() };
        sink.open().await?;
        Ok(sink)
    }

    /// A channel with confirmations; on a new connection where the old one is lost.
    async fn open(&mut self) -> Result<&Open, SinkError> {
        if let Some(lost) = self.open.as_ref().filter(|open| !open.channel.status().connected()) {
            // lapin fails what was in flight; who is suspected is known after that.
            let _ = timeout(self.config.connection.timeout, lost.flights.below(1)).await;
            self.open = None;
        }
        Ok(match &mut self.open {
            Some(open) => open,
            none => {
                let connection = self.endpoint.connect().await?;
                let channel = connection.create_channel().await.map_err(SinkError::Channel)?;
                let confirm = channel.confirm_select(ConfirmSelectOptions::default());
                confirm.await.map_err(SinkError::Channel)?;
                let flights = Flights::new(channel.clone(), Arc::clone(&self.tally));
                none.insert(Open { connection, channel, flights })
            }
        })
    }

    /// A channel with room for one more message in flight. After a channel was closed for the fault of one of several messages, those
    /// go one by one: with a single message in flight there is no doubt whose fault it is.
    async fn room(&mut self) -> Result<&Open, SinkError> {
        let most = usize::from(self.config.max_in_flight.max(1));
        let tally = Arc::clone(&self.tally);
        let open = self.open().await?;
        open.flights.below(if tally.suspects() > 0 { 1 } else { most }).await;
        Ok(open)
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
        let waited = self.config.confirm_timeout;
        let tally = Arc::clone(&self.tally);
        let open = self.room().await?;
        // RabbitMQ closes the connection over such a message, every time it is tried again.
        let limit = open.connection.configuration().frame_max();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let len = envelope::header_frame_len(&message.properties);
        if len > limit {
            return Err(SinkError::Headers { len, limit });
        }
        let ticket = open.flights.publish(message);
        tally.sent();
        let deadline = Box::pin(tokio::time::sleep(waited));
        Ok(ExchangeConfirmation { ticket, deadline, waited })
    }

    async fn close(self) -> Result<(), SinkError> {
        let Some(open) = &self.open else { return Ok(()) };
        let failed_before = self.tally.failed();
        let _ = timeout(self.config.confirm_timeout, open.flights.below(1)).await;
        let count = open.flights.flying() + self.tally.failed() - failed_before;
        if count > 0 {
            return Err(SinkError::Unfinished { count });
        }
        if open.connection.status().connected() {
            self.endpoint.close(&open.connection).await?;
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
    ticket: Ticket,
    deadline: Pin<Box<Sleep>>,
    waited: Duration,
}

impl Future for ExchangeConfirmation {
    type Output = Result<(), SinkError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(outcome) = self.ticket.poll_outcome(cx) {
            return Poll::Ready(outcome.map_err(SinkError::from));
        }
        // The message keeps its place in flight: the broker may still be busy with it.
        self.deadline
            .as_mut()
            .poll(cx)
            .map(|()| Err(SinkError::NotConfirmed { waited: self.waited }))
    }
}
