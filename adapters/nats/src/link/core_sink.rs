//! Core subjects as targets: nobody confirms a message.

use async_nats::Client;
use async_nats::connection::State;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use m2m_engine::bus::{Capabilities, Envelope, Sink};

use super::mapping::{CORE, Outgoing};
use super::{NOTHING, flush};
use crate::error::SinkError;

/// Publishes to subjects, to whoever listens.
#[derive(Debug)]
pub struct CoreSink {
    client: Client,
}

/// Resolves when the message has been written to the connection, which is all that can be known.
pub type Flushed = BoxFuture<'static, Result<(), SinkError>>;

impl CoreSink {
    /// A sink over this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Sink for CoreSink {
    type Confirmation = Flushed;
    type Error = SinkError;

    fn capabilities(&self) -> Capabilities {
        NOTHING
    }

    async fn send(&mut self, envelope: Envelope) -> Result<Flushed, SinkError> {
        connected(&self.client)?;
        let Outgoing { subject, reply, headers, payload } =
            Outgoing::new(envelope, CORE)?.fits(self.client.max_payload())?;
        let client = &self.client;
        match reply {
            None => client.publish_with_headers(subject, headers, payload).await,
            Some(reply) => {
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await
            }
        }
        .map_err(SinkError::Publish)?;
        let client = self.client.clone();
        Ok(async move { client.flush().await.map_err(SinkError::Flush) }.boxed())
    }

    async fn close(self) -> Result<(), SinkError> {
        flush(&self.client).await.map_err(SinkError::Flush)
    }
}

/// # Errors
/// When the client is not connected. What it queues then goes out later, behind its back: a message that was given up and sent again
/// would come a second time, out of order.
pub(super) fn connected(client: &Client) -> Result<(), SinkError> {
    match client.connection_state() {
        State::Connected => Ok(()),
        State::Pending | State::Disconnected => Err(SinkError::Disconnected),
    }
}
