//! Publishing with acknowledgements.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use async_nats::jetstream::message::{OutboundMessage, PublishMessage};
use async_nats::jetstream::publish::PublishAck;
use async_nats::{HeaderMap, Subject, ToSubject, jetstream};
use bytes::Bytes;

use super::Context;
use crate::error::JetStreamPublishError;
use crate::outbound::{Prepared, Terms, prepare};

impl Context {
    /// Publishes a payload, framed where that pays. The message has taken its place in the order of calls when this
    /// returns; the server has it when the future that comes back resolves.
    ///
    /// # Errors
    /// When it cannot be wrapped, is too long, or the client refuses it; the payload is inside.
    pub async fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<PublishAckFuture, JetStreamPublishError> {
        self.send(subject.to_subject(), None, payload).await
    }

    /// As [`Context::publish`], with headers.
    ///
    /// # Errors
    /// As [`Context::publish`].
    pub async fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAckFuture, JetStreamPublishError> {
        self.send(subject.to_subject(), Some(headers), payload).await
    }

    /// As [`Context::publish`], with all that the client's own `PublishMessage` can say.
    ///
    /// # Errors
    /// As [`Context::publish`].
    pub async fn send_publish<S: ToSubject>(
        &self,
        subject: S,
        publish: PublishMessage,
    ) -> Result<PublishAckFuture, JetStreamPublishError> {
        // The one way to look inside.
        let OutboundMessage { subject, headers, payload, .. } = publish.outbound_message(subject);
        self.send(subject, headers, payload).await
    }

    async fn send(
        &self,
        subject: Subject,
        headers: Option<HeaderMap>,
        original: Bytes,
    ) -> Result<PublishAckFuture, JetStreamPublishError> {
        let terms = Terms {
            subject: &subject,
            algorithm: None,
            accept: false,
            limit: self.client.max_payload(),
        };
        let Prepared { payload, headers } = match prepare(self.engine(), &terms, headers, &original)
        {
            Ok(prepared) => prepared,
            Err(refused) => return Err(JetStreamPublishError::refused(refused, original)),
        };
        let mut publish = PublishMessage::build().payload(payload);
        if !headers.is_empty() {
            publish = publish.headers(headers);
        }
        match self.inner.send_publish(subject, publish).await {
            Ok(acknowledgement) => Ok(PublishAckFuture { acknowledgement, original }),
            Err(source) => Err(JetStreamPublishError::client(source, original)),
        }
    }
}

/// A published message whose acknowledgement is under way; await it to know that the server has the message.
///
/// Dropped, the message is still sent, as with the bare client.
#[derive(Debug)]
pub struct PublishAckFuture {
    acknowledgement: jetstream::context::PublishAckFuture,
    original: Bytes,
}

impl IntoFuture for PublishAckFuture {
    type Output = Result<PublishAck, JetStreamPublishError>;
    type IntoFuture = Acknowledging;

    fn into_future(self) -> Acknowledging {
        let original = self.original;
        Acknowledging { acknowledgement: self.acknowledgement.into_future(), original }
    }
}

/// What awaiting a [`PublishAckFuture`] awaits.
pub struct Acknowledging {
    acknowledgement: <jetstream::context::PublishAckFuture as IntoFuture>::IntoFuture,
    original: Bytes,
}

impl Future for Acknowledging {
    type Output = Result<PublishAck, JetStreamPublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(self.acknowledgement.as_mut().poll(cx));
        let original = std::mem::take(&mut self.original);
        Poll::Ready(answer.map_err(|source| JetStreamPublishError::client(source, original)))
    }
}

impl std::fmt::Debug for Acknowledging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acknowledging").finish_non_exhaustive()
    }
}
