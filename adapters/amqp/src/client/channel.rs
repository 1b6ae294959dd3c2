use std::fmt;
use std::sync::Arc;

use lapin::message::{BasicGetMessage, BasicReturnMessage};
use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, ConfirmSelectOptions,
};
use lapin::types::{FieldTable, ReplyCode, ShortString};
use m2m_engine::bus::Replies;
use m2m_engine::{Engine, OpenError};

use super::cancelled::Consumers;
use super::connection::REPLY_ADDRESSES;
use crate::error::{ChannelError, GetError, OpenFailure};
use crate::inbound::{Consumer, Opener};
use crate::outbound::Flights;

/// [`lapin::Channel`], with payloads framed on their way out and opened on their way in.
#[derive(Clone)]
pub struct Channel {
    pub(super) inner: lapin::Channel,
    engine: Arc<Engine>,
    replies: Arc<Replies>,
    flights: Flights,
    consumers: Arc<Consumers>,
}

impl Channel {
    /// Wraps a channel. It remembers reply addresses for itself; channels of one [`Connection`](crate::Connection) do so together.
    #[must_use]
    pub fn new(inner: lapin::Channel, engine: Arc<Engine>) -> Self {
        Self::remembering(inner, engine, Arc::new(Replies::new(REPLY_ADDRESSES)))
    }

    pub(super) fn remembering(
        inner: lapin::Channel,
        engine: Arc<Engine>,
        replies: Arc<Replies>,
    ) -> Self {
        let flights = Flights::new(inner.clone(), Arc::default());
        Self { inner, engine, replies, flights, consumers: Arc::default() }
    }

    /// As [`lapin::Channel::basic_consume`].
    ///
    /// # Errors
    /// When the broker refuses it or cannot be reached.
    pub async fn basic_consume(
        &self,
        queue: ShortString,
        consumer_tag: ShortString,
        options: BasicConsumeOptions,
        arguments: FieldTable,
    ) -> Result<Consumer, ChannelError> {
        let no_ack = options.no_ack;
        let inner = self.inner.basic_consume(queue, consumer_tag, options, arguments).await?;
        let cancelled = self.consumers.add(inner.tag());
        Ok(Consumer::new(inner, self, no_ack, cancelled))
    }

    /// As [`lapin::Channel::basic_get`]. A message that came before ([`OpenError::Repeated`]) is acknowledged and passed over.
    ///
    /// # Errors
    /// When the broker refuses it or cannot be reached, or the message cannot be opened; the error has the message then.
    pub async fn basic_get(
        &self,
        queue: ShortString,
        options: BasicGetOptions,
    ) -> Result<Option<BasicGetMessage>, GetError> {
        let opener = self.opener(options.no_ack);
        while let Some(mut message) = self.inner.basic_get(queue.clone(), options).await? {
            match opener.open(&mut message.delivery, false) {
                Ok(()) => return Ok(Some(message)),
                Err(OpenError::Repeated) => opener.pass_over(&message.delivery),
                Err(source) => {
                    return Err(GetError::Open(Box::new(OpenFailure::new(message, source))));
                }
            }
        }
        Ok(None)
    }

    /// As [`lapin::Channel::basic_cancel`]: the consumer's stream ends, without an error.
    ///
    /// # Errors
    /// When the channel is no longer open.
    pub async fn basic_cancel(
        &self,
        consumer_tag: ShortString,
        options: BasicCancelOptions,
    ) -> Result<(), ChannelError> {
        self.consumers.cancel(&consumer_tag);
        Ok(self.inner.basic_cancel(consumer_tag, options).await?)
    }

    /// As [`lapin::Channel::confirm_select`]: from now on the broker confirms what is published.
    ///
    /// # Errors
    /// When the broker refuses it or cannot be reached.
    pub async fn confirm_select(&self, options: ConfirmSelectOptions) -> Result<(), ChannelError> {
        Ok(self.inner.confirm_select(options).await?)
    }

    /// As [`lapin::Channel::wait_for_confirms`]: waits until nothing is in flight, and gives the messages that came back and whose
    /// [`PublisherConfirm`](crate::PublisherConfirm) was dropped, opened.
    ///
    /// # Errors
    /// When the last message could not be confirmed because the channel failed.
    pub async fn wait_for_confirms(&self) -> Result<Vec<BasicReturnMessage>, ChannelError> {
        self.flights.below(1).await;
        let mut returned = self.flights.take_unclaimed();
        returned.extend(self.inner.wait_for_confirms().await?);
        for message in &mut returned {
            // They are ours: what cannot be opened was sent so.
            let _ = self.opener(true).open(&mut message.delivery, true);
        }
        Ok(returned)
    }

    /// As [`lapin::Channel::close`].
    ///
    /// # Errors
    /// When the channel is no longer open.
    pub async fn close(
        &self,
        reply_code: ReplyCode,
        reply_text: ShortString,
    ) -> Result<(), ChannelError> {
        Ok(self.inner.close(reply_code, reply_text).await?)
    }

    /// As [`lapin::Channel::status`].
    #[must_use]
    pub fn status(&self) -> &lapin::ChannelStatus {
        self.inner.status()
    }

    /// As [`lapin::Channel::id`].
    #[must_use]
    pub fn id(&self) -> u16 {
        self.inner.id()
    }

    /// lapin's own channel, which neither frames nor opens.
    #[must_use]
    pub fn inner(&self) -> &lapin::Channel {
        &self.inner
    }

    /// The engine that frames and opens.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(crate) fn replies(&self) -> &Replies {
        &self.replies
    }

    pub(crate) fn flights(&self) -> &Flights {
        &self.flights
    }

    pub(crate) fn opener(&self, no_ack: bool) -> Opener {
        Opener { engine: Arc::clone(&self.engine), replies: Arc::clone(&self.replies), no_ack }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("inner", &self.inner).finish_non_exhaustive()
    }
}
