//! Publishing with acknowledgements.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

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
        let (subject, publish) = self.prepared(subject.to_subject(), None, &payload)?;
        acknowledged(self.inner.send_publish(subject, publish).await, payload)
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
        let (subject, publish) = self.prepared(subject.to_subject(), Some(headers), &payload)?;
        acknowledged(self.inner.send_publish(subject, publish).await, payload)
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
        let (subject, publish) = self.prepared(subject, headers, &payload)?;
        acknowledged(self.inner.send_publish(subject, publish).await, payload)
    }

    fn prepared(
        &self,
        subject: Subject,
        headers: Option<HeaderMap>,
        original: &Bytes,
    ) -> Result<(Subject, PublishMessage), JetStreamPublishError> {
        let terms = Terms {
            subject: &subject,
            algorithm: None,
            accept: false,
            limit: self.client.max_payload(),
        };
        let Prepared { payload, headers } = prepare(self.engine(), &terms, headers, original)
            .map_err(|refused| JetStreamPublishError::refused(refused, original.clone()))?;
        let mut publish = PublishMessage::build().payload(payload);
        if !headers.is_empty() {
            publish = publish.headers(headers);
        }
        Ok((subject, publish))
    }
}

fn acknowledged(
    sent: Result<jetstream::context::PublishAckFuture, jetstream::context::PublishError>,
    original: Bytes,
) -> Result<PublishAckFuture, JetStreamPublishError> {
    match sent {
        Ok(acknowledgement) => Ok(PublishAckFuture { acknowledgement, original }),
        Err(source) => Err(JetStreamPublishError::client(source, original)),
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
        Poll::Ready(match ready!(self.acknowledgement.as_mut().poll(cx)) {
            Ok(acknowledgement) => Ok(acknowledgement),
            Err(source) => {
                let original = std::mem::take(&mut self.original);
                Err(JetStreamPublishError::client(source, original))
            }
        })
    }
}

impl std::fmt::Debug for Acknowledging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acknowledging").finish_non_exhaustive()
    }
}
