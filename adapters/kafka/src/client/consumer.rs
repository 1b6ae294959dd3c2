//! The consumer. What it receives is in `inbound.rs`; everything else is rdkafka's own.

use std::fmt;
use std::sync::Arc;

use m2m_engine::Engine;
use rdkafka::ClientConfig;
use rdkafka::client::Client;
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::stream_consumer::StreamPartitionQueue as InnerQueue;
use rdkafka::consumer::{
    CommitMode, Consumer, ConsumerContext, ConsumerGroupMetadata, DefaultConsumerContext,
    RebalanceProtocol, StreamConsumer as Inner,
};
use rdkafka::error::KafkaResult;
use rdkafka::groups::GroupList;
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::Metadata;
use rdkafka::util::{AsyncRuntime, DefaultRuntime, Timeout};
use rdkafka::{Offset, TopicPartitionList};

use crate::CreateError;

/// rdkafka's [`StreamConsumer`](Inner), whose messages arrive opened.
///
/// Subscribing, assigning, seeking, pausing and the rest are rdkafka's [`Consumer`] trait, as they were, and so are the context's
/// rebalance callbacks.
#[must_use = "a consumer that is dropped leaves its group"]
pub struct StreamConsumer<C = DefaultConsumerContext, R = DefaultRuntime>
where
    C: ConsumerContext,
{
    // Shared, because rdkafka's partition queues keep their consumer alive.
    inner: Arc<Inner<C, R>>,
    engine: Arc<Engine>,
}

impl<C: ConsumerContext, R> fmt::Debug for StreamConsumer<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConsumer").finish_non_exhaustive()
    }
}

impl<R: AsyncRuntime> StreamConsumer<DefaultConsumerContext, R> {
    /// Creates the client, as [`ClientConfig::create`] does.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub fn from_config(config: &ClientConfig, engine: Arc<Engine>) -> Result<Self, CreateError> {
        Ok(Self::new(Inner::from_config(config)?, engine))
    }
}

impl<C: ConsumerContext + 'static, R: AsyncRuntime> StreamConsumer<C, R> {
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
        Ok(Self::new(inner, engine))
    }
}

impl<C: ConsumerContext + 'static, R> StreamConsumer<C, R> {
    /// Puts an engine behind a consumer.
    pub fn new(inner: Inner<C, R>, engine: Arc<Engine>) -> Self {
        Self { inner: Arc::new(inner), engine }
    }

    /// rdkafka's consumer: what it receives comes as it is.
    #[must_use]
    pub fn inner(&self) -> &Arc<Inner<C, R>> {
        &self.inner
    }

    /// What opens the payloads.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Splits one partition's messages into a queue of their own, as [`Inner::split_partition_queue`] does; `None` when the
    /// topic or the partition is not valid.
    #[must_use]
    pub fn split_partition_queue(
        &self,
        topic: &str,
        partition: i32,
    ) -> Option<StreamPartitionQueue<C, R>> {
        let inner = self.inner.split_partition_queue(topic, partition)?;
        let engine = Arc::clone(&self.engine);
        Some(StreamPartitionQueue { inner, engine })
    }
}

/// rdkafka's [`StreamPartitionQueue`](InnerQueue), whose messages arrive opened.
pub struct StreamPartitionQueue<C, R = DefaultRuntime>
where
    C: ConsumerContext,
{
    inner: InnerQueue<C, R>,
    engine: Arc<Engine>,
}

impl<C: ConsumerContext, R> fmt::Debug for StreamPartitionQueue<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPartitionQueue").finish_non_exhaustive()
    }
}

impl<C: ConsumerContext, R> StreamPartitionQueue<C, R> {
    /// rdkafka's queue: what it receives comes as it is.
    #[must_use]
    pub fn inner(&self) -> &InnerQueue<C, R> {
        &self.inner
    }

    /// What opens the payloads.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

impl<C: ConsumerContext, R> Consumer<C> for StreamConsumer<C, R> {
    fn client(&self) -> &Client<C> {
        self.inner.client()
    }

    fn group_metadata(&self) -> Option<ConsumerGroupMetadata> {
        self.inner.group_metadata()
    }

    fn subscribe(&self, topics: &[&str]) -> KafkaResult<()> {
        self.inner.subscribe(topics)
    }

    fn unsubscribe(&self) {
        self.inner.unsubscribe();
    }

    fn assign(&self, assignment: &TopicPartitionList) -> KafkaResult<()> {
        self.inner.assign(assignment)
    }

    fn unassign(&self) -> KafkaResult<()> {
        self.inner.unassign()
    }

    fn incremental_assign(&self, assignment: &TopicPartitionList) -> KafkaResult<()> {
        self.inner.incremental_assign(assignment)
    }

    fn incremental_unassign(&self, assignment: &TopicPartitionList) -> KafkaResult<()> {
        self.inner.incremental_unassign(assignment)
    }

    fn seek<T: Into<Timeout>>(
        &self,
        topic: &str,
        partition: i32,
        offset: Offset,
        timeout: T,
    ) -> KafkaResult<()> {
        self.inner.seek(topic, partition, offset, timeout)
    }

    fn seek_partitions<T: Into<Timeout>>(
        &self,
        topic_partition_list: TopicPartitionList,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList> {
        self.inner.seek_partitions(topic_partition_list, timeout)
    }

    fn commit(
        &self,
        topic_partition_list: &TopicPartitionList,
        mode: CommitMode,
    ) -> KafkaResult<()> {
        self.inner.commit(topic_partition_list, mode)
    }

    fn commit_consumer_state(&self, mode: CommitMode) -> KafkaResult<()> {
        self.inner.commit_consumer_state(mode)
    }

    fn commit_message(&self, message: &BorrowedMessage<'_>, mode: CommitMode) -> KafkaResult<()> {
        self.inner.commit_message(message, mode)
    }

    fn store_offset(&self, topic: &str, partition: i32, offset: i64) -> KafkaResult<()> {
        self.inner.store_offset(topic, partition, offset)
    }

    fn store_offset_from_message(&self, message: &BorrowedMessage<'_>) -> KafkaResult<()> {
        self.inner.store_offset_from_message(message)
    }

    fn store_offsets(&self, tpl: &TopicPartitionList) -> KafkaResult<()> {
        self.inner.store_offsets(tpl)
    }

    fn subscription(&self) -> KafkaResult<TopicPartitionList> {
        self.inner.subscription()
    }

    fn assignment(&self) -> KafkaResult<TopicPartitionList> {
        self.inner.assignment()
    }

    fn assignment_lost(&self) -> bool {
        self.inner.assignment_lost()
    }

    fn committed<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<TopicPartitionList> {
        self.inner.committed(timeout)
    }

    fn committed_offsets<T: Into<Timeout>>(
        &self,
        tpl: TopicPartitionList,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList> {
        self.inner.committed_offsets(tpl, timeout)
    }

    fn offsets_for_timestamp<T: Into<Timeout>>(
        &self,
        timestamp: i64,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList> {
        self.inner.offsets_for_timestamp(timestamp, timeout)
    }

    fn offsets_for_times<T: Into<Timeout>>(
        &self,
        timestamps: TopicPartitionList,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList> {
        self.inner.offsets_for_times(timestamps, timeout)
    }

    fn position(&self) -> KafkaResult<TopicPartitionList> {
        self.inner.position()
    }

    fn fetch_metadata<T: Into<Timeout>>(
        &self,
        topic: Option<&str>,
        timeout: T,
    ) -> KafkaResult<Metadata> {
        self.inner.fetch_metadata(topic, timeout)
    }

    fn fetch_watermarks<T: Into<Timeout>>(
        &self,
        topic: &str,
        partition: i32,
        timeout: T,
    ) -> KafkaResult<(i64, i64)> {
        self.inner.fetch_watermarks(topic, partition, timeout)
    }

    fn fetch_group_list<T: Into<Timeout>>(
        &self,
        group: Option<&str>,
        timeout: T,
    ) -> KafkaResult<GroupList> {
        self.inner.fetch_group_list(group, timeout)
    }

    fn pause(&self, partitions: &TopicPartitionList) -> KafkaResult<()> {
        self.inner.pause(partitions)
    }

    fn resume(&self, partitions: &TopicPartitionList) -> KafkaResult<()> {
        self.inner.resume(partitions)
    }

    fn rebalance_protocol(&self) -> RebalanceProtocol {
        self.inner.rebalance_protocol()
    }
}
