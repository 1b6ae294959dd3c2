//! The producer. What it sends is in `outbound.rs`; everything else is rdkafka's own.

use std::fmt;
use std::sync::Arc;

use m2m_engine::Engine;
use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::client::{Client, ClientContext, DefaultClientContext};
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaResult;
use rdkafka::producer::future_producer::FutureProducerContext;
use rdkafka::producer::{FutureProducer as Inner, Producer, PurgeConfig};
use rdkafka::util::{AsyncRuntime, DefaultRuntime, Timeout};

use crate::CreateError;

/// rdkafka's [`FutureProducer`](Inner), whose payloads go out framed.
///
/// Flushing, purging and transactions are rdkafka's [`Producer`] trait, as they were. Clones share one producer.
#[must_use = "a producer that is dropped gives up what it has not delivered"]
pub struct FutureProducer<C = DefaultClientContext, R = DefaultRuntime>
where
    C: ClientContext + 'static,
{
    inner: Inner<C, R>,
    engine: Arc<Engine>,
    message_max_bytes: Option<usize>,
}

impl<C: ClientContext + 'static, R> Clone for FutureProducer<C, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            engine: Arc::clone(&self.engine),
            message_max_bytes: self.message_max_bytes,
        }
    }
}

impl<C: ClientContext + 'static, R> fmt::Debug for FutureProducer<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FutureProducer").finish_non_exhaustive()
    }
}

impl<R: AsyncRuntime> FutureProducer<DefaultClientContext, R> {
    /// Creates the client, as [`ClientConfig::create`] does.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub fn from_config(config: &ClientConfig, engine: Arc<Engine>) -> Result<Self, CreateError> {
        Self::with_limit(Inner::from_config(config)?, config, engine)
    }
}

impl<C: ClientContext + 'static, R: AsyncRuntime> FutureProducer<C, R> {
    /// Creates the client, as [`ClientConfig::create_with_context`] does.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub fn from_config_and_context(
        config: &ClientConfig,
        context: C,
        engine: Arc<Engine>,
    ) -> Result<Self, CreateError> {
        let inner = Inner::from_config_and_context(config, context)?;
        Self::with_limit(inner, config, engine)
    }

    fn with_limit(
        inner: Inner<C, R>,
        config: &ClientConfig,
        engine: Arc<Engine>,
    ) -> Result<Self, CreateError> {
        Ok(Self { message_max_bytes: message_max_bytes(config)?, ..Self::new(inner, engine) })
    }

    /// Polls the internal producer, which has a thread for that already.
    pub fn poll<T: Into<Timeout>>(&self, timeout: T) {
        self.inner.poll(timeout);
    }
}

impl<C: ClientContext + 'static, R> FutureProducer<C, R> {
    /// Puts an engine in front of a producer.
    pub fn new(inner: Inner<C, R>, engine: Arc<Engine>) -> Self {
        Self { inner, engine, message_max_bytes: None }
    }

    /// rdkafka's producer: what it sends goes out as it is.
    pub fn inner(&self) -> &Inner<C, R> {
        &self.inner
    }

    /// What wraps the payloads.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The client's own size limit, where it is known.
    pub(crate) fn message_max_bytes(&self) -> Option<usize> {
        self.message_max_bytes
    }
}

/// The client's size limit, as librdkafka understands the configuration.
pub(crate) fn message_max_bytes(config: &ClientConfig) -> Result<Option<usize>, CreateError> {
    let limit = config.create_native_config()?.get("message.max.bytes")?;
    Ok(limit.parse().ok())
}

impl<C, R> Producer<FutureProducerContext<C>> for FutureProducer<C, R>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
    fn client(&self) -> &Client<FutureProducerContext<C>> {
        self.inner.client()
    }

    fn in_flight_count(&self) -> i32 {
        self.inner.in_flight_count()
    }

    fn flush<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.flush(timeout)
    }

    fn purge(&self, flags: PurgeConfig) {
        self.inner.purge(flags);
    }

    fn init_transactions<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.init_transactions(timeout)
    }

    fn begin_transaction(&self) -> KafkaResult<()> {
        self.inner.begin_transaction()
    }

    fn send_offsets_to_transaction<T: Into<Timeout>>(
        &self,
        offsets: &TopicPartitionList,
        cgm: &ConsumerGroupMetadata,
        timeout: T,
    ) -> KafkaResult<()> {
        self.inner.send_offsets_to_transaction(offsets, cgm, timeout)
    }

    fn commit_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.commit_transaction(timeout)
    }

    fn abort_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.abort_transaction(timeout)
    }
}
