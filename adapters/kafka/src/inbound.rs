//! The consumer's own deliveries, opened.

mod message;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt};
use m2m_engine::{Engine, OpenError};
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
    /// What came before at another offset ([`OpenError::Repeated`]) is counted by the engine and passed over. Its offset goes on with
    /// the next message: at once where offsets are stored automatically, else when the application stores or commits one after it.
    ///
    /// # Errors
    /// When rdkafka reports one, or the message cannot be opened; the error then carries the message.
    pub async fn recv(&self) -> Result<Message<'_>, RecvError> {
        loop {
            if let Some(next) = received(self.engine(), self.inner().recv().await) {
                return next;
            }
        }
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
        loop {
            if let Some(next) = received(self.engine(), self.inner().recv().await) {
                return next;
            }
        }
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
        loop {
            let Some(raw) = ready!(this.inner.poll_next_unpin(cx)) else {
                return Poll::Ready(None);
            };
            if let Some(next) = received(this.engine, raw) {
                return Poll::Ready(Some(next));
            }
        }
    }
}

/// `None` for a message that came before, at another offset: its own goes on with the next one that is stored or committed.
fn received<'a>(
    engine: &Engine,
    raw: KafkaResult<BorrowedMessage<'a>>,
) -> Option<Result<Message<'a>, RecvError>> {
    let raw = match raw {
        Ok(raw) => raw,
        Err(error) => return Some(Err(RecvError::Kafka(error))),
    };
    match Message::open(engine, raw) {
        Err(failure) if matches!(failure.source, OpenError::Repeated) => None,
        opened => Some(opened.map_err(RecvError::Open)),
    }
}
