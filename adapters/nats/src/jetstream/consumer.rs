//! Consumers whose messages come opened.

use std::sync::Arc;

use async_nats::jetstream::consumer::{
    self, AckPolicy, IntoConsumerConfig, StreamError, pull, push,
};
use async_nats::jetstream::context::ConsumerInfoError;
use m2m_engine::Engine;

use super::messages::Opener;
use super::{BatchBuilder, FetchBuilder, Messages, Sequence, StreamBuilder};

/// `async_nats::jetstream::consumer::Consumer`, whose messages come opened.
#[derive(Debug, Clone)]
pub struct Consumer<T: IntoConsumerConfig> {
    inner: consumer::Consumer<T>,
    engine: Arc<Engine>,
}

impl<T: IntoConsumerConfig> Consumer<T> {
    /// Wraps a consumer that was got from a bare stream.
    #[must_use]
    pub fn new(inner: consumer::Consumer<T>, engine: Arc<Engine>) -> Self {
        Self { inner, engine }
    }

    /// The consumer inside: what it delivers is not opened.
    #[must_use]
    pub fn inner(&self) -> &consumer::Consumer<T> {
        &self.inner
    }

    /// What the server knows of the consumer now; remembered as [`Consumer::cached_info`].
    ///
    /// # Errors
    /// The client's own.
    pub async fn info(&mut self) -> Result<&consumer::Info, ConsumerInfoError> {
        self.inner.info().await
    }

    /// What the server knows of the consumer now.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_info(&self) -> Result<consumer::Info, ConsumerInfoError> {
        self.inner.get_info().await
    }

    /// What the server knew of the consumer when it was last asked.
    #[must_use]
    pub fn cached_info(&self) -> &consumer::Info {
        self.inner.cached_info()
    }

    fn opening<S>(&self, inner: S) -> Messages<S> {
        Messages::new(inner, self.opener())
    }

    fn opener(&self) -> Opener {
        // Where one acknowledgement stands for all before it, or none is awaited, a message that is passed over needs none of its own.
        let acknowledges = self.cached_info().config.ack_policy == AckPolicy::Explicit;
        Opener { engine: Arc::clone(&self.engine), acknowledges }
    }
}

impl Consumer<pull::Config> {
    /// Messages without end.
    ///
    /// # Errors
    /// The client's own.
    pub async fn messages(&self) -> Result<Messages<pull::Stream>, StreamError> {
        Ok(self.opening(self.inner.messages().await?))
    }

    /// Messages without end, with a say in how they are pulled.
    pub fn stream(&self) -> StreamBuilder<'_> {
        StreamBuilder::new(self.inner.stream(), self.opener())
    }

    /// What is there now, up to a number of messages.
    pub fn fetch(&self) -> FetchBuilder<'_> {
        FetchBuilder::new(self.inner.fetch(), self.opener())
    }

    /// A number of messages, waiting for them for a time.
    pub fn batch(&self) -> BatchBuilder<'_> {
        BatchBuilder::new(self.inner.batch(), self.opener())
    }

    /// Batches without end, of up to `batch` messages each.
    ///
    /// # Errors
    /// The client's own.
    pub fn sequence(&self, batch: usize) -> Result<Sequence, pull::BatchError> {
        Ok(Sequence { inner: self.inner.sequence(batch)?, opener: self.opener() })
    }
}

impl Consumer<push::Config> {
    /// Messages without end.
    ///
    /// # Errors
    /// The client's own.
    pub async fn messages(&self) -> Result<Messages<push::Messages>, StreamError> {
        Ok(self.opening(self.inner.messages().await?))
    }
}

impl Consumer<pull::OrderedConfig> {
    /// Messages without end, in the stream's order, each once.
    ///
    /// # Errors
    /// The client's own.
    pub async fn messages(self) -> Result<Messages<pull::Ordered>, StreamError> {
        let opener = self.opener();
        Ok(Messages::new(self.inner.messages().await?, opener))
    }
}

impl Consumer<push::OrderedConfig> {
    /// Messages without end, in the stream's order, each once.
    ///
    /// # Errors
    /// The client's own.
    pub async fn messages(self) -> Result<Messages<push::Ordered>, StreamError> {
        let opener = self.opener();
        Ok(Messages::new(self.inner.messages().await?, opener))
    }
}
