//! A stream: its consumers, and what it stores.

use std::sync::Arc;

use async_nats::jetstream::consumer::{self, FromConsumer, IntoConsumerConfig};
use async_nats::jetstream::context::ConsumerInfoError;
use async_nats::jetstream::stream::{
    ConsumerCreateStrictError, ConsumerError, ConsumerUpdateError, DeleteMessageError,
    DeleteStatus, Info, InfoError, No, Purge,
};
use m2m_engine::Engine;

use super::Consumer;

/// `async_nats::jetstream::stream::Stream`, whose consumers open what they deliver.
#[derive(Debug, Clone)]
pub struct Stream<I = Info> {
    pub(super) inner: async_nats::jetstream::stream::Stream<I>,
    pub(super) engine: Arc<Engine>,
}

impl Stream<Info> {
    /// What the server knows of the stream now; remembered as [`Stream::cached_info`].
    ///
    /// # Errors
    /// The client's own.
    pub async fn info(&mut self) -> Result<&Info, InfoError> {
        self.inner.info().await
    }

    /// What the server knew of the stream when it was last asked.
    #[must_use]
    pub fn cached_info(&self) -> &Info {
        self.inner.cached_info()
    }
}

impl<I> Stream<I> {
    /// Wraps a stream that was got from a bare context.
    #[must_use]
    pub fn new(inner: async_nats::jetstream::stream::Stream<I>, engine: Arc<Engine>) -> Self {
        Self { inner, engine }
    }

    /// The stream inside: what goes through it is not opened.
    #[must_use]
    pub fn inner(&self) -> &async_nats::jetstream::stream::Stream<I> {
        &self.inner
    }

    /// What the server knows of the stream now.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_info(&self) -> Result<Info, InfoError> {
        self.inner.get_info().await
    }

    /// The consumer of that name.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_consumer<T: FromConsumer + IntoConsumerConfig>(
        &self,
        name: &str,
    ) -> Result<Consumer<T>, async_nats::Error> {
        Ok(self.consumer(self.inner.get_consumer(name).await?))
    }

    /// The consumer of that name, created if there is none.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_or_create_consumer<T: FromConsumer + IntoConsumerConfig>(
        &self,
        name: &str,
        config: T,
    ) -> Result<Consumer<T>, ConsumerError> {
        Ok(self.consumer(self.inner.get_or_create_consumer(name, config).await?))
    }

    /// Creates a consumer, or changes it.
    ///
    /// # Errors
    /// The client's own.
    pub async fn create_consumer<C: IntoConsumerConfig + FromConsumer>(
        &self,
        config: C,
    ) -> Result<Consumer<C>, ConsumerError> {
        Ok(self.consumer(self.inner.create_consumer(config).await?))
    }

    /// Creates a consumer that is not there yet.
    ///
    /// # Errors
    /// The client's own.
    pub async fn create_consumer_strict<C: IntoConsumerConfig + FromConsumer>(
        &self,
        config: C,
    ) -> Result<Consumer<C>, ConsumerCreateStrictError> {
        Ok(self.consumer(self.inner.create_consumer_strict(config).await?))
    }

    /// Changes a consumer that is there.
    ///
    /// # Errors
    /// The client's own.
    pub async fn update_consumer<C: IntoConsumerConfig + FromConsumer>(
        &self,
        config: C,
    ) -> Result<Consumer<C>, ConsumerUpdateError> {
        Ok(self.consumer(self.inner.update_consumer(config).await?))
    }

    /// What the server knows of a consumer now.
    ///
    /// # Errors
    /// The client's own.
    pub async fn consumer_info<T: AsRef<str>>(
        &self,
        name: T,
    ) -> Result<consumer::Info, ConsumerInfoError> {
        self.inner.consumer_info(name).await
    }

    /// Deletes a consumer.
    ///
    /// # Errors
    /// The client's own.
    pub async fn delete_consumer(&self, name: &str) -> Result<DeleteStatus, ConsumerError> {
        self.inner.delete_consumer(name).await
    }

    /// Deletes one message.
    ///
    /// # Errors
    /// The client's own.
    pub async fn delete_message(&self, sequence: u64) -> Result<bool, DeleteMessageError> {
        self.inner.delete_message(sequence).await
    }

    /// Deletes messages: all of them, unless the client's builder is told otherwise; await it.
    #[must_use = "a purge does nothing until it is awaited"]
    pub fn purge(&self) -> Purge<No, No> {
        self.inner.purge()
    }

    fn consumer<C: IntoConsumerConfig>(&self, inner: consumer::Consumer<C>) -> Consumer<C> {
        Consumer::new(inner, Arc::clone(&self.engine))
    }
}
