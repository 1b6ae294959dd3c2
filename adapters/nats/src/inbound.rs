//! The client's own deliveries, opened.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use async_nats::{HeaderMap, Message, UnsubscribeError, jetstream};
use futures_util::{Stream, StreamExt as _};
use m2m_engine::bus::Replies;
use m2m_engine::frame::Form;
use m2m_engine::{Engine, Inbound, OpenError, Opened};

use crate::error::OpenFailure;
use crate::{headers, identity};

/// What the server says of a message, beside the message. Nothing on core NATS, which has no identities, and where a reply subject is
/// whatever the sender chose.
#[derive(Default)]
pub(crate) struct Origin {
    pub(crate) identity: Option<String>,
    pub(crate) redelivered: bool,
    /// Looked up, not delivered.
    pub(crate) stored: bool,
}

impl Origin {
    /// Of a delivery by JetStream. Only what is signed is asked for its origin, and only by who has keys.
    pub(crate) fn of(delivery: &jetstream::Message, engine: &Engine) -> Self {
        if !engine.has_keys() || headers::engines(delivery.headers.as_ref()).is_empty() {
            return Self::default();
        }
        let Ok(info) = delivery.info() else { return Self::default() };
        Self { identity: Some(identity::of(&info)), redelivered: info.delivered > 1, stored: false }
    }
}

/// Opens a message of the client's, in place; it stays as it came where it cannot be opened. What is the server's own affair passes untouched.
pub(crate) fn open(
    engine: &Engine,
    message: &mut Message,
    origin: &Origin,
) -> Result<(), OpenError> {
    // Anybody can write a status: with a payload it is a message like others.
    let is_status = message.status.is_some() && message.payload.is_empty();
    if is_status || message.subject.starts_with('$') {
        return Ok(());
    }
    let (headers, payload) = (message.headers.as_ref(), &message.payload);
    let opened = judge(engine, &message.subject, headers, payload, origin)?;
    let Some(opened) = opened.filter(|opened| !opened.is_untouched()) else { return Ok(()) };
    let headers = message.headers.take().unwrap_or_default();
    message.headers = headers::opened(headers, &opened);
    message.payload = opened.into_bytes(&message.payload);
    Ok(())
}

/// Opens what was found on a subject: `None` for a null payload, of which there is nothing to open.
pub(crate) fn judge<'a>(
    engine: &Engine,
    subject: &str,
    headers: Option<&HeaderMap>,
    payload: &'a [u8],
    origin: &Origin,
) -> Result<Option<Opened<'a>>, OpenError> {
    let keyed = engine.has_keys();
    let found = if keyed { headers::engines(headers) } else { Vec::new() };
    let inbound = Inbound {
        key: if keyed { headers::key(headers) } else { None },
        time: keyed.then(SystemTime::now),
        identity: origin.identity.as_deref(),
        redelivered: origin.redelivered,
        stored: origin.stored,
        headers: &found,
        ..Inbound::from(subject)
    };
    if payload.is_empty() && headers::is_tombstone(headers) {
        return engine.open_null(&inbound).map(|()| None);
    }
    engine.open(payload, &inbound).map(Some)
}

/// A subscription whose messages are opened. One that came before ([`OpenError::Repeated`]) is counted by the engine and passed over.
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

    fn open(&self, message: &mut Message) -> Result<(), OpenError> {
        if let Some(requester) = message.reply.as_ref().filter(|reply| !reply.starts_with('$')) {
            let accepts = headers::accepts(message.headers.as_ref())
                || Form::of(&message.payload) != Form::Plain;
            self.replies.note(requester, accepts);
        }
        open(&self.engine, message, &Origin::default())
    }
}

impl Stream for Subscriber {
    type Item = Result<Message, Box<OpenFailure<Message>>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(mut message) = ready!(self.inner.poll_next_unpin(cx)) else {
                return Poll::Ready(None);
            };
            match self.open(&mut message) {
                Ok(()) => return Poll::Ready(Some(Ok(message))),
                Err(OpenError::Repeated) => {}
                Err(source) => {
                    return Poll::Ready(Some(Err(Box::new(OpenFailure::new(message, source)))));
                }
            }
        }
    }
}
