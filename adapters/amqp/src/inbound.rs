//! lapin's own deliveries, opened.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use futures_util::Stream;
use futures_util::future::{FutureExt as _, OptionFuture};
use lapin::ChannelStatus;
use lapin::message::{Delivery, DeliveryResult};
use lapin::options::BasicAckOptions;
use lapin::types::ShortString;
use m2m_engine::bus::{Replies, headers};
use m2m_engine::{Engine, Inbound, OpenError};

use crate::client::{CancelFlag, Channel};
use crate::destination;
use crate::error::{OpenFailure, ReceiveError};
use crate::properties::{self, header_is, with_encoding, with_only};

/// Opens deliveries in place.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) engine: Arc<Engine>,
    pub(crate) replies: Arc<Replies>,
    /// Whether the broker takes deliveries for acknowledged as they are.
    pub(crate) no_ack: bool,
}

impl Opener {
    /// Leaves the delivery as it came where it cannot be opened. `returned` is for one that this side has sent itself.
    pub(crate) fn open(&self, delivery: &mut Delivery, returned: bool) -> Result<(), OpenError> {
        let keyed = self.engine.has_keys();
        let (exchange, routing_key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        let source = if keyed { destination::of(exchange, routing_key) } else { String::new() };
        let found = if keyed { properties::engines(&delivery.properties) } else { Vec::new() };
        let inbound = Inbound {
            key: if keyed { properties::key(&delivery.properties) } else { None },
            time: keyed.then(SystemTime::now),
            redelivered: delivery.redelivered,
            stored: returned,
            headers: &found,
            ..Inbound::from(&source)
        };
        let null =
            delivery.data.is_empty() && header_is(&delivery.properties, headers::TOMBSTONE, "1");
        let opened = if null {
            self.engine.open_null(&inbound).map(|()| None)
        } else {
            self.engine.open(&delivery.data, &inbound).map(Some)
        };
        if let Some(reply_to) = delivery.properties.reply_to() {
            let framed = matches!(&opened, Ok(Some(opened)) if opened.is_framed());
            let accepts = framed || header_is(&delivery.properties, headers::ACCEPT, "1");
            self.replies.note(reply_to.as_str(), accepts);
        }
        let Some(opened) = opened?.filter(|opened| !opened.is_untouched()) else { return Ok(()) };
        let flag = opened.verdict.header();
        if opened.is_framed() {
            delivery.data = opened.payload.into_owned();
            unmark(delivery);
        }
        if let Some(flag) = flag {
            // Our own verdict in the place of what its sender said.
            delivery.properties = with_only(std::mem::take(&mut delivery.properties), flag);
        }
        Ok(())
    }

    /// `None` for a message that came before: it is acknowledged.
    fn opened(&self, mut delivery: Delivery) -> Option<Result<Delivery, ReceiveError>> {
        match self.open(&mut delivery, false) {
            Ok(()) => Some(Ok(delivery)),
            Err(source) => self.refused(delivery, source).map(Err),
        }
    }

    fn refused(&self, delivery: Delivery, source: OpenError) -> Option<ReceiveError> {
        if matches!(source, OpenError::Repeated) {
            self.pass_over(&delivery);
            return None;
        }
        Some(ReceiveError::Open(Box::new(OpenFailure::new(delivery, source))))
    }

    /// Acknowledges a message that nobody gets, where that is asked for.
    pub(crate) fn pass_over(&self, delivery: &Delivery) {
        if !self.no_ack {
            // The first look hands it to lapin. Where it gets lost with its channel, the message comes again.
            let _ = delivery.acker.ack(BasicAckOptions::default()).now_or_never();
        }
    }
}

fn unmark(delivery: &mut Delivery) {
    let Some(marked) = delivery.properties.content_encoding() else { return };
    // What is left is shorter, so that it fits.
    let rest = headers::encoding_unmarked(marked.as_str());
    let rest = rest.and_then(|rest| ShortString::try_new(rest).ok());
    delivery.properties = with_encoding(std::mem::take(&mut delivery.properties), rest);
}

/// [`lapin::Consumer`], a stream of lapin's deliveries, opened.
///
/// lapin's stream just ends when the broker cancels the consumer, because its queue was deleted or moved to another node. This one yields
/// [`ReceiveError::Cancelled`] first. It ends without an error only when this side has cancelled it, or closed its channel. A message that
/// came before ([`OpenError::Repeated`]) is counted by the engine, acknowledged and passed over.
pub struct Consumer {
    inner: lapin::Consumer,
    channel: ChannelStatus,
    cancelled: CancelFlag,
    opener: Opener,
    ended: bool,
}

impl Consumer {
    pub(crate) fn new(
        inner: lapin::Consumer,
        channel: &Channel,
        no_ack: bool,
        cancelled: CancelFlag,
    ) -> Self {
        let (opener, channel) = (channel.opener(no_ack), channel.status().clone());
        Self { inner, channel, cancelled, opener, ended: false }
    }

    /// As [`lapin::Consumer::tag`].
    #[must_use]
    pub fn tag(&self) -> ShortString {
        self.inner.tag()
    }

    /// As [`lapin::Consumer::queue`].
    #[must_use]
    pub fn queue(&self) -> ShortString {
        self.inner.queue()
    }

    /// As [`lapin::Consumer::set_delegate`], with a function: it is called for each delivery in place of the stream, and with `Ok(None)` when this
    /// side has ended the consumer.
    pub fn set_delegate<D, F>(&self, delegate: D)
    where
        D: Fn(Result<Option<Delivery>, ReceiveError>) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (opener, end) = (self.opener.clone(), self.end());
        self.inner.set_delegate(move |result: DeliveryResult| {
            let result = match result {
                Ok(Some(delivery)) => opener.opened(delivery).map(|opened| opened.map(Some)),
                Ok(None) => Some(end().map_or(Ok(None), Err)),
                Err(error) => Some(Err(error.into())),
            };
            OptionFuture::from(result.map(&delegate)).map(drop)
        });
    }

    /// Tells why the deliveries ended: nothing, when it was this side's doing.
    fn end(&self) -> impl Fn() -> Option<ReceiveError> + Send + Sync + 'static {
        let (channel, cancelled) = (self.channel.clone(), self.cancelled.clone());
        let (queue, consumer_tag) = (self.queue().to_string(), self.tag().to_string());
        move || {
            let by_broker = channel.connected() && !cancelled.is_set();
            by_broker.then(|| ReceiveError::Cancelled {
                queue: queue.clone(),
                consumer_tag: consumer_tag.clone(),
            })
        }
    }

    /// lapin's own consumer, whose stream is not opened.
    #[must_use]
    pub fn inner(&self) -> &lapin::Consumer {
        &self.inner
    }
}

impl Stream for Consumer {
    type Item = Result<Delivery, ReceiveError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            let next = match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                // Not by way of `opened`: deliveries are large, and each way more copies them.
                Some(Ok(mut delivery)) => match self.opener.open(&mut delivery, false) {
                    Ok(()) => return Poll::Ready(Some(Ok(delivery))),
                    Err(source) => match self.opener.refused(delivery, source) {
                        Some(error) => Some(Err(error)),
                        None => continue,
                    },
                },
                Some(Err(error)) => Some(Err(error.into())),
                None => {
                    self.ended = true;
                    self.end()().map(Err)
                }
            };
            return Poll::Ready(next);
        }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("inner", &self.inner).finish_non_exhaustive()
    }
}
