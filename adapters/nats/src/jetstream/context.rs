//! The way into JetStream: streams and consumers.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::account::Account;
use async_nats::jetstream::consumer::{FromConsumer, IntoConsumerConfig};
use async_nats::jetstream::context::{
    AccountError, CreateStreamError, DeleteStreamError, GetStreamByNameError, GetStreamError,
    UpdateStreamError,
};
use async_nats::jetstream::stream::{Config, ConsumerError, DeleteStatus, Info};
use m2m_engine::Engine;

use super::{Consumer, Stream};
use crate::client::Client;

/// `async_nats::jetstream::Context`, with payloads framed and opened.
#[derive(Debug, Clone)]
pub struct Context {
    pub(super) inner: async_nats::jetstream::Context,
    pub(super) client: Client,
}

impl Context {
    /// Wraps a context that was made (by `ContextBuilder`, say) over a bare client.
    #[must_use]
    pub fn new(inner: async_nats::jetstream::Context, engine: Arc<Engine>) -> Self {
        let client = Client::new(inner.client(), engine);
        Self::with_client(inner, client)
    }

    pub(super) fn with_client(inner: async_nats::jetstream::Context, client: Client) -> Self {
        Self { inner, client }
    }

    /// The context inside: what goes through it is neither framed nor opened. Key-value and object stores are reached here; their
    /// subjects begin with `$`, so they would pass untouched anyway.
    #[must_use]
    pub fn inner(&self) -> &async_nats::jetstream::Context {
        &self.inner
    }

    /// What frames and opens.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        self.client.engine()
    }

    /// The client underneath.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// How long requests and acknowledgements are waited for.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.inner.set_timeout(timeout);
    }

    /// Resolves when no acknowledgement of a publish is outstanding any more.
    pub async fn wait_for_acks(&self) {
        self.inner.wait_for_acks().await;
    }

    /// What the account may use and uses.
    ///
    /// # Errors
    /// The client's own.
    pub async fn query_account(&self) -> Result<Account, AccountError> {
        self.inner.query_account().await
    }

    /// Creates a stream.
    ///
    /// # Errors
    /// The client's own.
    pub async fn create_stream<S>(&self, stream_config: S) -> Result<Stream, CreateStreamError>
    where
        Config: From<S>,
    {
        Ok(self.stream(self.inner.create_stream(stream_config).await?))
    }

    /// The stream of that name.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_stream<T: AsRef<str>>(&self, stream: T) -> Result<Stream, GetStreamError> {
        Ok(self.stream(self.inner.get_stream(stream).await?))
    }

    /// The stream of that name, without asking the server whether there is one.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_stream_no_info<T: AsRef<str>>(
        &self,
        stream: T,
    ) -> Result<Stream<()>, GetStreamError> {
        Ok(self.stream(self.inner.get_stream_no_info(stream).await?))
    }

    /// The stream of that name, created if there is none.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_or_create_stream<S: Into<Config>>(
        &self,
        stream_config: S,
    ) -> Result<Stream, CreateStreamError> {
        Ok(self.stream(self.inner.get_or_create_stream(stream_config).await?))
    }

    /// Changes a stream.
    ///
    /// # Errors
    /// The client's own.
    pub async fn update_stream<S: Borrow<Config>>(
        &self,
        config: S,
    ) -> Result<Info, UpdateStreamError> {
        self.inner.update_stream(config).await
    }

    /// Changes a stream, or creates it.
    ///
    /// # Errors
    /// The client's own.
    pub async fn create_or_update_stream(&self, config: Config) -> Result<Info, CreateStreamError> {
        self.inner.create_or_update_stream(config).await
    }

    /// Deletes a stream and all its messages.
    ///
    /// # Errors
    /// The client's own.
    pub async fn delete_stream<T: AsRef<str>>(
        &self,
        stream: T,
    ) -> Result<DeleteStatus, DeleteStreamError> {
        self.inner.delete_stream(stream).await
    }

    /// The name of the stream that takes a subject.
    ///
    /// # Errors
    /// The client's own.
    pub async fn stream_by_subject<T: Into<String>>(
        &self,
        subject: T,
    ) -> Result<String, GetStreamByNameError> {
        self.inner.stream_by_subject(subject).await
    }

    /// The consumer of that name on a stream.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_consumer_from_stream<T, C, S>(
        &self,
        consumer: C,
        stream: S,
    ) -> Result<Consumer<T>, ConsumerError>
    where
        T: FromConsumer + IntoConsumerConfig,
        S: AsRef<str>,
        C: AsRef<str>,
    {
        let inner = self.inner.get_consumer_from_stream(consumer, stream).await?;
        Ok(Consumer::new(inner, Arc::clone(self.engine())))
    }

    /// Creates a consumer on a stream, or changes it.
    ///
    /// # Errors
    /// The client's own.
    pub async fn create_consumer_on_stream<C: IntoConsumerConfig + FromConsumer, S: AsRef<str>>(
        &self,
        config: C,
        stream: S,
    ) -> Result<Consumer<C>, ConsumerError> {
        let inner = self.inner.create_consumer_on_stream(config, stream).await?;
        Ok(Consumer::new(inner, Arc::clone(self.engine())))
    }

    /// Deletes a consumer of a stream.
    ///
    /// # Errors
    /// The client's own.
    pub async fn delete_consumer_from_stream<C: AsRef<str>, S: AsRef<str>>(
        &self,
        consumer: C,
        stream: S,
    ) -> Result<DeleteStatus, ConsumerError> {
        self.inner.delete_consumer_from_stream(consumer, stream).await
    }

    fn stream<I>(&self, inner: async_nats::jetstream::stream::Stream<I>) -> Stream<I> {
        Stream::new(inner, Arc::clone(self.engine()))
    }
}
