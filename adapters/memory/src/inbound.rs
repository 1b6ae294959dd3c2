//! Deliveries, opened.

use std::sync::Arc;
use std::time::SystemTime;

use m2m_engine::bus::headers::{self, Header};
use m2m_engine::bus::{Envelope, Replies};
use m2m_engine::{Engine, Inbound, OpenError};

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
    /// be none. Cancel-safe. What came before under another identity ([`OpenError::Repeated`]) is acknowledged, counted by the
    /// engine and passed over.
    pub async fn recv(&mut self) -> Option<Result<Message, OpenFailure>> {
        loop {
            let message = self.inner.recv().await?;
            match self.open(message) {
                Err(OpenFailure { message, source: OpenError::Repeated }) => {
                    // Stale: another member of the group got it, and drops it.
                    let _ = message.ack();
                }
                opened => return Some(opened),
            }
        }
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
        let redelivered = message.redelivered() > 0;
        let envelope = &mut message.envelope;
        let headers: Vec<(&str, &str)> = envelope
            .headers
            .iter()
            .filter(|header| headers::is_engines(&header.name))
            .filter_map(|header| Some((header.name.as_str(), header.as_text()?)))
            .collect();
        let inbound = Inbound {
            key: envelope.key.as_deref(),
            time: Some(SystemTime::now()),
            identity: envelope.identity.as_deref(),
            redelivered,
            headers: &headers,
            ..Inbound::from(&envelope.address.name)
        };
        let opened = match &envelope.payload {
            Some(payload) => self.engine.open(payload, &inbound).map(|opened| {
                let (framed, flag) = (opened.is_framed(), opened.verdict.header());
                (framed, flag, Some(opened.into_bytes(payload)))
            }),
            None => self.engine.open_null(&inbound).map(|()| (false, None, None)),
        };
        match opened {
            Ok((framed, flag, payload)) => {
                envelope.payload = payload;
                if let Some((name, value)) = flag {
                    // Our own verdict in the place of what its sender said.
                    envelope.headers.retain(|header| !header.name.eq_ignore_ascii_case(name));
                    envelope.headers.push(Header::text(name, value));
                }
                if framed {
                    encoding::unmark(envelope);
                }
                self.note_request(envelope, framed);
                Ok(message)
            }
            Err(source) => Err(OpenFailure { message: Box::new(message), source }),
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
