//! Consumers whose messages come opened.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_nats::jetstream::consumer::{self, IntoConsumerConfig, StreamError, pull, push};
use async_nats::jetstream::context::ConsumerInfoError;
use async_nats::jetstream::{self, Message};
use futures_util::{Stream, StreamExt as _};
use m2m_engine::Engine;

use super::{BatchBuilder, FetchBuilder, StreamBuilder};
use crate::error::{OpenFailure, ReceiveError};
use crate::{identity, inbound};

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
        Messages { inner, engine: Arc::clone(&self.engine) }
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
        StreamBuilder::new(self.inner.stream(), &self.engine)
    }

    /// What is there now, up to a number of messages.
    pub fn fetch(&self) -> FetchBuilder<'_> {
        FetchBuilder::new(self.inner.fetch(), &self.engine)
    }

    /// A number of messages, waiting for them for a time.
    pub fn batch(&self) -> BatchBuilder<'_> {
        BatchBuilder::new(self.inner.batch(), &self.engine)
    }

    /// Batches without end, of up to `batch` messages each.
    ///
    /// # Errors
    /// The client's own.
    pub fn sequence(&self, batch: usize) -> Result<Sequence, pull::BatchError> {
        let inner = self.inner.sequence(batch)?;
        Ok(Sequence { inner, engine: Arc::clone(&self.engine) })
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
        Ok(Messages { inner: self.inner.messages().await?, engine: self.engine })
    }
}

impl Consumer<push::OrderedConfig> {
    /// Messages without end, in the stream's order, each once.
    ///
    /// # Errors
    /// The client's own.
    pub async fn messages(self) -> Result<Messages<push::Ordered>, StreamError> {
        Ok(Messages { inner: self.inner.messages().await?, engine: self.engine })
    }
}

/// Messages of a consumer, opened. Each is the client's own, with its `ack`, `ack_with`, `double_ack` and `info`.
pub struct Messages<S> {
    pub(super) inner: S,
    pub(super) engine: Arc<Engine>,
}

impl<S> std::fmt::Debug for Messages<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

impl<S, E> Stream for Messages<S>
where
    S: Stream<Item = Result<Message, E>> + Unpin,
    E: Into<ReceiveError>,
{
    type Item = Result<Message, ReceiveError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = std::task::ready!(self.inner.poll_next_unpin(cx));
        Poll::Ready(item.map(|item| open(&self.engine, item.map_err(Into::into)?)))
    }
}

fn open(engine: &Engine, delivery: Message) -> Result<Message, ReceiveError> {
    let identity = delivery.info().ok().map(|info| identity::of(&info));
    let jetstream::Message { message, context } = delivery;
    match inbound::open(engine, message, identity.as_deref()) {
        Ok(message) => Ok(Message { message, context }),
        Err(failure) => {
            let OpenFailure { message, source } = *failure;
            let failure = OpenFailure::new(Message { message, context }, source);
            Err(ReceiveError::Open(Box::new(failure)))
        }
    }
}

/// Batches of messages, opened.
pub struct Sequence {
    inner: pull::Sequence,
    engine: Arc<Engine>,
}

impl std::fmt::Debug for Sequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sequence").finish_non_exhaustive()
    }
}

impl Stream for Sequence {
    type Item = Result<Messages<pull::Batch>, pull::MessagesError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let batch = std::task::ready!(self.inner.poll_next_unpin(cx));
        let engine = &self.engine;
        let opening = |inner| Messages { inner, engine: Arc::clone(engine) };
        Poll::Ready(batch.map(|batch| batch.map(opening)))
    }
}
