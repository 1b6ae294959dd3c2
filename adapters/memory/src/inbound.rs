//! Deliveries, opened.

use std::sync::Arc;

use m2m_engine::bus::{Envelope, Replies, headers};
use m2m_engine::{Engine, Inbound};

use crate::error::OpenFailure;
use crate::{Client, Message, Subscription, encoding};

/// Receives messages, opened. Dropped, it gives back to its group what it has not acknowledged.
#[derive(Debug)]
pub struct Consumer {
    inner: Subscription,
    engine: Arc<Engine>,
    replies: Arc<Replies>,
}

impl Client {
    pub(crate) fn consumer(&self, inner: Subscription) -> Consumer {
        Consumer { inner, engine: Arc::clone(&self.engine), replies: Arc::clone(&self.replies) }
    }
}

impl Consumer {
    /// The next message, or the error that stands in the place of one that cannot be opened and carries it; `None` when there will
    /// be none. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Result<Message, OpenFailure>> {
        let message = self.inner.recv().await?;
        Some(self.open(message))
    }

    /// The subscription underneath, which opens nothing.
    #[must_use]
    pub fn inner(&mut self) -> &mut Subscription {
        &mut self.inner
    }

    /// What opens.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    fn open(&self, mut message: Message) -> Result<Message, OpenFailure> {
        let envelope = &mut message.envelope;
        let Some(payload) = envelope.payload.take() else {
            self.note_request(envelope, false);
            return Ok(message);
        };
        let inbound = Inbound {
            identity: envelope.identity.as_deref(),
            ..Inbound::from(&envelope.address.name)
        };
        match self.engine.open(&payload, &inbound) {
            Ok(opened) => {
                let framed = opened.is_framed();
                envelope.payload = Some(opened.into_bytes(&payload));
                if framed {
                    encoding::unmark(envelope);
                }
                self.note_request(envelope, framed);
                Ok(message)
            }
            Err(source) => {
                envelope.payload = Some(payload);
                Err(OpenFailure { message: Box::new(message), source })
            }
        }
    }

    /// Remembers whether a reply to this message may be framed.
    fn note_request(&self, envelope: &Envelope, framed: bool) {
        if let Some(reply_to) = &envelope.properties.reply_to {
            let accepts = framed || envelope.header(headers::ACCEPT) == Some("1");
            self.replies.note(reply_to, accepts);
        }
    }
}
