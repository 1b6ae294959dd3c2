//! What consumers deliver, opened.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _};
use m2m_engine::{Engine, OpenError};

use crate::error::{OpenFailure, ReceiveError};
use crate::inbound::{self, Origin};

/// Opens deliveries of one consumer.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) engine: Arc<Engine>,
    /// Whether each message has an acknowledgement of its own.
    pub(super) acknowledges: bool,
}

impl Opener {
    fn open(&self, delivery: &mut Message) -> Result<(), OpenError> {
        let origin = Origin::of(delivery, &self.engine);
        inbound::open(&self.engine, &mut delivery.message, &origin)
    }
}

/// Messages of a consumer, opened. Each is the client's own, with its `ack`, `ack_with`, `double_ack` and `info`.
///
/// One that came before under another sequence number ([`OpenError::Repeated`]) is counted by the engine and passed over: acknowledged,
/// where the consumer's policy is `Explicit`; else with the next one that is.
pub struct Messages<S> {
    inner: S,
    opener: Opener,
    acknowledging: Option<BoxFuture<'static, ()>>,
}

impl<S> Messages<S> {
    pub(super) fn new(inner: S, opener: Opener) -> Self {
        Self { inner, opener, acknowledging: None }
    }

    fn pass_over(&mut self, message: Message) {
        if self.opener.acknowledges {
            self.acknowledging = Some(Box::pin(async move {
                if let Err(error) = message.ack().await {
                    // It comes again, and is passed over again.
                    tracing::warn!(error = &*error, "a repeated message was not acknowledged");
                }
            }));
        }
    }
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
        loop {
            if let Some(acknowledging) = &mut self.acknowledging {
                ready!(acknowledging.as_mut().poll(cx));
                self.acknowledging = None;
            }
            let mut message = match ready!(self.inner.poll_next_unpin(cx)) {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            };
            match self.opener.open(&mut message) {
                Ok(()) => return Poll::Ready(Some(Ok(message))),
                Err(OpenError::Repeated) => self.pass_over(message),
                Err(source) => {
                    let failure = Box::new(OpenFailure::new(message, source));
                    return Poll::Ready(Some(Err(ReceiveError::Open(failure))));
                }
            }
        }
    }
}

/// Batches of messages, opened.
pub struct Sequence {
    pub(super) inner: pull::Sequence,
    pub(super) opener: Opener,
}

impl std::fmt::Debug for Sequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sequence").finish_non_exhaustive()
    }
}

impl Stream for Sequence {
    type Item = Result<Messages<pull::Batch>, pull::MessagesError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let batch = ready!(self.inner.poll_next_unpin(cx));
        let opening = |inner| Messages::new(inner, self.opener.clone());
        Poll::Ready(batch.map(|batch| batch.map(opening)))
    }
}
