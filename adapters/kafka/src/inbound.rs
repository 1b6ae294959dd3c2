//! The consumer's own deliveries, opened.

mod message;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};
use m2m_engine::Engine;
use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext, MessageStream as InnerStream};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, OwnedMessage};
use rdkafka::{Message as _, Offset, TopicPartitionList};

pub use message::Message;
pub(crate) use message::identity;

use crate::client::{StreamConsumer, StreamPartitionQueue};
use crate::error::RecvError;

/// A message's place, to be committed or stored: that of a [`Message`], of rdkafka's own messages, and so of the one in an
/// [`OpenFailure`](crate::OpenFailure).
pub trait Located {
    /// Topic, partition and offset.
    fn location(&self) -> (&str, i32, i64);
}

impl Located for Message<'_> {
    fn location(&self) -> (&str, i32, i64) {
        self.raw().location()
    }
}

impl Located for BorrowedMessage<'_> {
    fn location(&self) -> (&str, i32, i64) {
        (self.topic(), self.partition(), self.offset())
    }
}

impl Located for OwnedMessage {
    fn location(&self) -> (&str, i32, i64) {
        (self.topic(), self.partition(), self.offset())
    }
}

impl<C: ConsumerContext + 'static, R> StreamConsumer<C, R> {
    /// The next message. Cancel-safe: dropping the future loses nothing.
    ///
    /// # Errors
    /// When rdkafka reports one, or the message cannot be opened; the error then carries the message.
    pub async fn recv(&self) -> Result<Message<'_>, RecvError> {
        received(self.engine(), self.inner().recv().await)
    }

    /// A stream of messages, with the errors of [`recv`](Self::recv); it never ends.
    pub fn stream(&self) -> MessageStream<'_, C> {
        MessageStream { inner: self.inner().stream(), engine: self.engine() }
    }

    /// Commits a message's offset, and so all before it in its partition.
    ///
    /// # Errors
    /// When the offset is not committed ([`CommitMode::Sync`]) or the commit not begun ([`CommitMode::Async`]).
    pub fn commit_message<M: Located + ?Sized>(
        &self,
        message: &M,
        mode: CommitMode,
    ) -> KafkaResult<()> {
        let (topic, partition, offset) = message.location();
        let mut next = TopicPartitionList::with_capacity(1);
        next.add_partition_offset(topic, partition, Offset::Offset(offset.saturating_add(1)))?;
        self.commit(&next, mode)
    }

    /// Stores a message's offset, to be committed by the next commit of the consumer's state.
    ///
    /// # Errors
    /// When its partition is not assigned, or `enable.auto.offset.store` is on.
    pub fn store_offset_from_message<M: Located + ?Sized>(&self, message: &M) -> KafkaResult<()> {
        let (topic, partition, offset) = message.location();
        self.store_offset(topic, partition, offset)
    }
}

impl<C: ConsumerContext + 'static, R> StreamPartitionQueue<C, R> {
    /// The next message of the partition. Cancel-safe.
    ///
    /// # Errors
    /// Those of [`StreamConsumer::recv`].
    pub async fn recv(&self) -> Result<Message<'_>, RecvError> {
        received(self.engine(), self.inner().recv().await)
    }

    /// A stream of the partition's messages.
    pub fn stream(&self) -> MessageStream<'_, C> {
        MessageStream { inner: self.inner().stream(), engine: self.engine() }
    }
}

/// A stream of opened messages; it never ends.
pub struct MessageStream<'a, C: ConsumerContext> {
    inner: InnerStream<'a, C>,
    engine: &'a Engine,
}

impl<C: ConsumerContext> fmt::Debug for MessageStream<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream").finish_non_exhaustive()
    }
}

impl<'a, C: ConsumerContext> Stream for MessageStream<'a, C> {
    type Item = Result<Message<'a>, RecvError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.inner.poll_next_unpin(cx).map(|next| next.map(|raw| received(this.engine, raw)))
    }
}

fn received<'a>(
    engine: &Engine,
    raw: KafkaResult<BorrowedMessage<'a>>,
) -> Result<Message<'a>, RecvError> {
    let message = Message::open(engine, raw.map_err(RecvError::Kafka)?);
    message.map_err(RecvError::Open)
}
