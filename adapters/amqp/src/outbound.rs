//! lapin's own publish: the payload wrapped, then really sent.

mod failure;
mod flight;
mod ledger;
mod signal;
mod slots;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Confirmation};
use m2m_engine::bus::headers;
use m2m_engine::{Algorithm, Outbound};

use crate::client::Channel;
use crate::destination;
use crate::error::{PublishError, Unsent};
use crate::properties::{self, has_engines, header_is, with_encoding, with_engines, with_header};

pub(crate) use failure::{Failure, Tally};
pub(crate) use flight::{Flights, Message, Ticket};

/// Where direct replies go (RabbitMQ's `amq.rabbitmq.reply-to`, with a token of the requester's).
const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to.";

impl Channel {
    /// As [`lapin::Channel::basic_publish`], with the payload framed where that pays.
    ///
    /// A reply, published on the default exchange with the `reply_to` of a request as its routing key, is framed only when
    /// the request was framed or said that its sender reads frames. A message with a `reply_to` says so itself.
    ///
    /// # Errors
    /// When the payload cannot be wrapped, or the channel is no longer open; the error has the payload.
    pub async fn basic_publish(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> Result<PublisherConfirm, PublishError> {
        let original = Bytes::copy_from_slice(payload);
        let wrapped = match self.wrapped(&exchange, &routing_key, &original, &properties) {
            Ok(wrapped) => wrapped,
            Err(source) => {
                return Err(PublishError::Wrap { payload: Unsent(original), source });
            }
        };
        let properties = wrapped.mark(properties);
        if self.inner().status().confirm() {
            let payload = wrapped.payload;
            let message = Message { exchange, routing_key, options, payload, properties };
            let mut ticket = self.flights().publish(message);
            if !ticket.written().await
                && let Some(Err(failure)) = ticket.outcome()
            {
                return Err(PublishError::new(failure, original));
            }
            return Ok(PublisherConfirm {
                state: State::Flying(ticket),
                payload: Unsent(original),
            });
        }
        let payload = &wrapped.payload;
        let published =
            self.inner().basic_publish(exchange, routing_key, options, payload, properties).await;
        match published {
            Ok(confirm) => Ok(PublisherConfirm {
                state: State::Unconfirmed(confirm),
                payload: Unsent(original),
            }),
            Err(source) => Err(PublishError::Amqp { payload: Unsent(original), source }),
        }
    }

    fn wrapped(
        &self,
        exchange: &ShortString,
        routing_key: &ShortString,
        payload: &Bytes,
        properties: &BasicProperties,
    ) -> Result<Wrapped, m2m_engine::WrapError> {
        let keyed = self.engine().has_keys();
        let destination = match keyed {
            true => destination::of(exchange.as_str(), routing_key.as_str()),
            false => String::new(),
        };
        let plain = self.must_be_plain(exchange, routing_key);
        let outbound = Outbound {
            key: if keyed { properties::key(properties) } else { None },
            time: keyed.then(SystemTime::now),
            algorithm: plain.then_some(Algorithm::Stored),
            ..Outbound::to(&destination)
        };
        if payload.is_empty() && header_is(properties, headers::TOMBSTONE, "1") {
            let added = self.engine().wrap_null(&outbound)?;
            return Ok(Wrapped { framed: false, added, payload: payload.clone() });
        }
        let mut wrapped = self.engine().wrap(payload, &outbound)?;
        let (framed, added) = (wrapped.is_framed(), std::mem::take(&mut wrapped.headers));
        Ok(Wrapped { framed, added, payload: wrapped.into_bytes(payload) })
    }

    /// Whether this is a reply whose requester is not known to read frames; where everything has to be secured, it is a frame all the same.
    fn must_be_plain(&self, exchange: &ShortString, routing_key: &ShortString) -> bool {
        let address = routing_key.as_str();
        exchange.as_str().is_empty()
            && !self.engine().requires_security()
            && match self.replies().accepts(address) {
                Some(accepts) => !accepts,
                None => address.starts_with(DIRECT_REPLY),
            }
    }
}

/// What goes out in the place of a payload.
struct Wrapped {
    framed: bool,
    /// The engine's headers.
    added: Vec<(&'static str, String)>,
    payload: Bytes,
}

impl Wrapped {
    /// The properties that go with it.
    fn mark(&self, mut properties: BasicProperties) -> BasicProperties {
        if !self.added.is_empty() || has_engines(&properties) {
            properties = with_engines(properties, &self.added);
        }
        if properties.reply_to().is_some() {
            properties = with_header(properties, headers::ACCEPT, "1");
        }
        if self.framed {
            let old = properties.content_encoding().as_ref().map(ShortString::as_str);
            // The mark is for others, frames are known by their prefix: where it does not fit it may stay away.
            if let Ok(marked) = ShortString::try_new(headers::encoding_marked(old)) {
                properties = with_encoding(properties, Some(marked));
            }
        }
        properties
    }
}

/// Resolves when the broker has confirmed the message; at once where the channel is not in confirm mode.
///
/// Its success is lapin's own, [`Confirmation::Ack`] without a message or [`Confirmation::NotRequested`]; a message that came
/// back and a `basic.nack` are errors. Dropped, it changes nothing: [`Channel::wait_for_confirms`] still counts the message.
#[derive(Debug)]
#[must_use = "a message is the broker's only when it is confirmed"]
pub struct PublisherConfirm {
    state: State,
    payload: Unsent,
}

#[derive(Debug)]
enum State {
    Flying(Ticket),
    Unconfirmed(lapin::PublisherConfirm),
}

impl Future for PublisherConfirm {
    type Output = Result<Confirmation, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Success is not moved through a result of another kind: a confirmation has room for a whole message.
        let failure = match &mut self.state {
            State::Flying(ticket) => match ready!(ticket.poll_outcome(cx)) {
                Ok(()) => return Poll::Ready(Ok(Confirmation::Ack(None))),
                Err(failure) => failure,
            },
            State::Unconfirmed(confirm) => match ready!(Pin::new(confirm).poll(cx)) {
                Ok(confirmation) => return Poll::Ready(Ok(confirmation)),
                Err(error) => Failure::Amqp(error),
            },
        };
        let payload = std::mem::take(&mut self.payload.0);
        Poll::Ready(Err(PublishError::new(failure, payload)))
    }
}
