//! The client's own deliveries, opened.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_nats::{Message, UnsubscribeError};
use futures_util::{Stream, StreamExt as _};
use m2m_engine::bus::Replies;
use m2m_engine::frame::Form;
use m2m_engine::{Engine, Inbound};

use crate::error::OpenFailure;
use crate::headers;

/// Opens a message of the client's, in place. What is the server's own affair passes untouched, and so does a message of which a
/// consumer asked for the headers only.
pub(crate) fn open(
    engine: &Engine,
    mut message: Message,
    identity: Option<&str>,
) -> Result<Message, Box<OpenFailure<Message>>> {
    let only_headers =
        message.payload.is_empty() && headers::lack_payload(message.headers.as_ref());
    if message.status.is_some() || message.subject.starts_with('$') || only_headers {
        return Ok(message);
    }
    let inbound = Inbound { identity, ..Inbound::from(&message.subject) };
    match engine.open(&message.payload, &inbound) {
        Ok(opened) => {
            let framed = opened.is_framed();
            message.payload = opened.into_bytes(&message.payload);
            if framed {
                message.headers = message.headers.and_then(headers::unmarked);
            }
            Ok(message)
        }
        Err(source) => Err(Box::new(OpenFailure::new(message, source))),
    }
}

/// A subscription whose messages are opened.
#[derive(Debug)]
pub struct Subscriber {
    inner: async_nats::Subscriber,
    engine: Arc<Engine>,
    replies: Arc<Replies>,
}

impl Subscriber {
    pub(crate) fn new(
        inner: async_nats::Subscriber,
        engine: Arc<Engine>,
        replies: Arc<Replies>,
    ) -> Self {
        Self { inner, engine, replies }
    }

    /// The client's own subscription, whose messages are as they came.
    pub fn inner(&mut self) -> &mut async_nats::Subscriber {
        &mut self.inner
    }

    /// Ends the subscription; what is already here can still be read.
    ///
    /// # Errors
    /// When the client is closed.
    pub async fn unsubscribe(&mut self) -> Result<(), UnsubscribeError> {
        self.inner.unsubscribe().await
    }

    /// Ends the subscription after this many messages in all.
    ///
    /// # Errors
    /// When the client is closed.
    pub async fn unsubscribe_after(&mut self, unsub_after: u64) -> Result<(), UnsubscribeError> {
        self.inner.unsubscribe_after(unsub_after).await
    }

    /// Ends the subscription after the messages that are under way.
    ///
    /// # Errors
    /// When the client is closed.
    pub async fn drain(&mut self) -> Result<(), UnsubscribeError> {
        self.inner.drain().await
    }

    fn opened(&self, message: Message) -> Result<Message, Box<OpenFailure<Message>>> {
        let requester = message.reply.clone().filter(|reply| !reply.starts_with('$'));
        let Some(requester) = requester else { return open(&self.engine, message, None) };
        let accepts =
            headers::accepts(message.headers.as_ref()) || Form::of(&message.payload) != Form::Plain;
        self.replies.note(&requester, accepts);
        open(&self.engine, message, None)
    }
}

impl Stream for Subscriber {
    type Item = Result<Message, Box<OpenFailure<Message>>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = std::task::ready!(self.inner.poll_next_unpin(cx));
        Poll::Ready(message.map(|message| self.opened(message)))
    }
}
