//! A newtype over the client: the same calls, with payloads framed on their way out and opened on their way in.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{DrainError, FlushError, ReconnectError, Statistics};
use async_nats::connection::State;
use async_nats::{
    ConnectError, ConnectOptions, Server, ServerInfo, ServerPoolError, SetServerPoolError,
    SubscribeError, ToServerAddrs, ToSubject,
};
use m2m_engine::bus::Replies;
use m2m_engine::{Algorithm, Engine};

use crate::inbound::Subscriber;

/// How many reply addresses are remembered. A reply to a forgotten one goes out plain, which everybody reads.
const REPLIES: usize = 16_384;

/// `async_nats::Client`, with payloads framed and opened. Cheap to clone, as the client itself.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: async_nats::Client,
    pub(crate) engine: Arc<Engine>,
    pub(crate) replies: Arc<Replies>,
    inbox_prefix: Arc<str>,
}

/// As `async_nats::connect`.
///
/// # Errors
/// The client's own.
pub async fn connect<A: ToServerAddrs>(
    addrs: A,
    engine: Arc<Engine>,
) -> Result<Client, ConnectError> {
    Ok(Client::new(async_nats::connect(addrs).await?, engine))
}

/// As `async_nats::connect_with_options`.
///
/// # Errors
/// The client's own.
pub async fn connect_with_options<A: ToServerAddrs>(
    addrs: A,
    options: ConnectOptions,
    engine: Arc<Engine>,
) -> Result<Client, ConnectError> {
    Ok(Client::new(async_nats::connect_with_options(addrs, options).await?, engine))
}

impl Client {
    /// Wraps a client that is already connected.
    #[must_use]
    pub fn new(inner: async_nats::Client, engine: Arc<Engine>) -> Self {
        let inbox = inner.new_inbox();
        let prefix = inbox.rsplit_once('.').map_or("_INBOX", |(prefix, _)| prefix);
        let inbox_prefix = format!("{prefix}.").into();
        Self { inner, engine, replies: Arc::new(Replies::new(REPLIES)), inbox_prefix }
    }

    /// The client inside: what goes through it is neither framed nor opened.
    #[must_use]
    pub fn inner(&self) -> &async_nats::Client {
        &self.inner
    }

    /// What frames and opens.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Subscribes; messages come opened.
    ///
    /// # Errors
    /// The client's own.
    pub async fn subscribe<S: ToSubject>(&self, subject: S) -> Result<Subscriber, SubscribeError> {
        let inner = self.inner.subscribe(subject).await?;
        Ok(Subscriber::new(inner, Arc::clone(&self.engine), Arc::clone(&self.replies)))
    }

    /// Subscribes as a member of a queue group; messages come opened.
    ///
    /// # Errors
    /// The client's own.
    pub async fn queue_subscribe<S: ToSubject>(
        &self,
        subject: S,
        queue_group: String,
    ) -> Result<Subscriber, SubscribeError> {
        let inner = self.inner.queue_subscribe(subject, queue_group).await?;
        Ok(Subscriber::new(inner, Arc::clone(&self.engine), Arc::clone(&self.replies)))
    }

    /// Writes out what is queued.
    ///
    /// # Errors
    /// The client's own.
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.inner.flush().await
    }

    /// Ends all subscriptions after the messages that are under way, then the connection.
    ///
    /// # Errors
    /// The client's own.
    pub async fn drain(&self) -> Result<(), DrainError> {
        self.inner.drain().await
    }

    /// A new subject on which replies can be awaited.
    #[must_use]
    pub fn new_inbox(&self) -> String {
        self.inner.new_inbox()
    }

    /// How long requests wait unless told otherwise.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.inner.timeout()
    }

    /// What the server last said of itself, if it has.
    #[must_use]
    pub fn try_server_info(&self) -> Option<ServerInfo> {
        self.inner.try_server_info()
    }

    /// What the server last said of itself.
    #[must_use]
    pub fn server_info(&self) -> ServerInfo {
        self.inner.server_info()
    }

    /// The longest message that the server takes: headers and payload as they go out, in bytes.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.inner.max_payload()
    }

    /// Whether the server is of this version or newer.
    #[must_use]
    pub fn is_server_compatible(&self, major: i64, minor: i64, patch: i64) -> bool {
        self.inner.is_server_compatible(major, minor, patch)
    }

    /// Whether the client is connected.
    #[must_use]
    pub fn connection_state(&self) -> State {
        self.inner.connection_state()
    }

    /// Makes the client connect anew.
    ///
    /// # Errors
    /// The client's own.
    pub async fn force_reconnect(&self) -> Result<(), ReconnectError> {
        self.inner.force_reconnect().await
    }

    /// Replaces the servers among which the client picks when it connects anew.
    ///
    /// # Errors
    /// The client's own.
    pub async fn set_server_pool<A: ToServerAddrs>(
        &self,
        addrs: A,
    ) -> Result<(), SetServerPoolError> {
        self.inner.set_server_pool(addrs).await
    }

    /// The servers among which the client picks when it connects anew.
    ///
    /// # Errors
    /// The client's own.
    pub async fn server_pool(&self) -> Result<Vec<Server>, ServerPoolError> {
        self.inner.server_pool().await
    }

    /// The connection's counters.
    #[must_use]
    pub fn statistics(&self) -> Arc<Statistics> {
        self.inner.statistics()
    }

    /// The algorithm to force towards `subject`: to a requester that is not known to read frames, replies go out plain, unless everything has
    /// to be secured.
    pub(crate) fn algorithm(&self, subject: &str) -> Option<Algorithm> {
        if self.engine.requires_security() {
            return None;
        }
        let reads_frames = self.replies.accepts(subject).unwrap_or_else(|| {
            !subject.starts_with("_INBOX.") && !subject.starts_with(&*self.inbox_prefix)
        });
        (!reads_frames).then_some(Algorithm::Stored)
    }
}
