use std::fmt;
use std::sync::Arc;

use lapin::ConnectionProperties;
use lapin::types::{ReplyCode, ShortString};
use lapin::uri::AMQPUri;
use m2m_engine::Engine;
use m2m_engine::bus::Replies;

use super::Channel;
use crate::address;
use crate::error::{ChannelError, ConnectError};

/// How many reply addresses are remembered, at about 100 bytes each.
pub(super) const REPLY_ADDRESSES: usize = 10_000;

/// [`lapin::Connection`], with channels that frame and open payloads.
pub struct Connection {
    inner: lapin::Connection,
    engine: Arc<Engine>,
    replies: Arc<Replies>,
}

impl Connection {
    /// Wraps a connection.
    #[must_use]
    pub fn new(inner: lapin::Connection, engine: Arc<Engine>) -> Self {
        Self { inner, engine, replies: Arc::new(Replies::new(REPLY_ADDRESSES)) }
    }

    /// As [`lapin::Connection::connect`].
    ///
    /// # Errors
    /// When the URI cannot be read, or the broker cannot be reached or refuses the connection.
    pub async fn connect(
        uri: &str,
        options: ConnectionProperties,
        engine: Arc<Engine>,
    ) -> Result<Self, ConnectError> {
        Self::connect_uri(address::parse(uri)?, options, engine).await
    }

    /// As [`lapin::Connection::connect_uri`].
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses the connection.
    pub async fn connect_uri(
        uri: AMQPUri,
        options: ConnectionProperties,
        engine: Arc<Engine>,
    ) -> Result<Self, ConnectError> {
        let inner = lapin::Connection::connect_uri(uri, options).await?;
        Ok(Self::new(inner, engine))
    }

    /// The same connection, with reply addresses remembered together with `other`'s: for a service that consumes on one connection and
    /// publishes its replies on another, as RabbitMQ advises.
    #[must_use]
    pub fn with_replies_of(mut self, other: &Self) -> Self {
        self.replies = Arc::clone(&other.replies);
        self
    }

    /// As [`lapin::Connection::create_channel`]. The channels of a connection remember reply addresses together.
    ///
    /// # Errors
    /// When the connection is no longer open, or has as many channels as the server permits.
    pub async fn create_channel(&self) -> Result<Channel, ChannelError> {
        let channel = self.inner.create_channel().await?;
        Ok(Channel::remembering(channel, Arc::clone(&self.engine), Arc::clone(&self.replies)))
    }

    /// As [`lapin::Connection::close`].
    ///
    /// # Errors
    /// When the connection is no longer open.
    pub async fn close(
        &self,
        reply_code: ReplyCode,
        reply_text: ShortString,
    ) -> Result<(), ChannelError> {
        Ok(self.inner.close(reply_code, reply_text).await?)
    }

    /// As [`lapin::Connection::status`].
    #[must_use]
    pub fn status(&self) -> &lapin::ConnectionStatus {
        self.inner.status()
    }

    /// lapin's own connection, whose channels neither frame nor open.
    #[must_use]
    pub fn inner(&self) -> &lapin::Connection {
        &self.inner
    }

    /// The engine of its channels.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("inner", &self.inner).finish_non_exhaustive()
    }
}
