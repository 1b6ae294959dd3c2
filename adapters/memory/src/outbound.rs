//! Publishing: wrap, then really send.

use bytes::Bytes;
use m2m_engine::bus::headers::{self, Header};
use m2m_engine::bus::{Address, Envelope};
use m2m_engine::{Algorithm, Outbound};

use crate::encoding;
use crate::error::PublishError;
use crate::{Client, Published};

impl Client {
    /// Publishes a payload; waits while a group that is to get it is full.
    ///
    /// # Errors
    /// When the engine or the bus refuses it; the error gives back what was to be sent.
    pub async fn publish(
        &self,
        subject: impl Into<String>,
        payload: impl Into<Bytes>,
    ) -> Result<Published, PublishError> {
        self.publish_with_headers(subject, Vec::new(), payload).await
    }

    /// Publishes a payload with headers; waits while a group that is to get it is full.
    ///
    /// # Errors
    /// When the engine or the bus refuses it; the error gives back what was to be sent.
    pub async fn publish_with_headers(
        &self,
        subject: impl Into<String>,
        headers: Vec<Header>,
        payload: impl Into<Bytes>,
    ) -> Result<Published, PublishError> {
        let envelope = Envelope {
            address: Address { name: subject.into(), exchange: String::new() },
            payload: Some(payload.into()),
            headers,
            ..Envelope::default()
        };
        self.publish_envelope(envelope).await
    }

    /// Publishes a message with all that can travel with one. A null payload stays null. With
    /// [`reply_to`](m2m_engine::bus::Properties::reply_to) set it is a request: a header says that a framed reply can be read.
    ///
    /// # Errors
    /// When the engine or the bus refuses it; the error gives back what was to be sent.
    pub async fn publish_envelope(&self, envelope: Envelope) -> Result<Published, PublishError> {
        let Some(payload) = envelope.payload.clone() else {
            return self.send(envelope, None).await;
        };
        let outbound = Outbound {
            // A reply to somebody who does not read frames.
            algorithm: (self.replies.accepts(&envelope.address.name) == Some(false))
                .then_some(Algorithm::Stored),
            ..Outbound::to(&envelope.address.name)
        };
        let wrapped = match self.engine.wrap(&payload, &outbound) {
            Ok(wrapped) => wrapped,
            Err(source) => {
                return Err(PublishError::Wrap { source, envelope: Box::new(envelope) });
            }
        };
        let asks =
            envelope.properties.reply_to.is_some() && envelope.header(headers::ACCEPT).is_none();
        if !wrapped.is_framed() && wrapped.headers.is_empty() && !asks {
            return self.send(envelope, None).await;
        }
        let mut framed = envelope.clone();
        if wrapped.is_framed() {
            encoding::mark(&mut framed);
        }
        let added = wrapped.headers.iter().map(|(name, value)| Header::text(*name, value));
        framed.headers.extend(added);
        if asks {
            framed.headers.push(Header::text(headers::ACCEPT, "1"));
        }
        framed.payload = Some(wrapped.into_bytes(&payload));
        self.send(framed, Some(envelope)).await
    }

    /// Sends what is ready; `original` is what the error is to give back, where it differs.
    async fn send(
        &self,
        envelope: Envelope,
        original: Option<Envelope>,
    ) -> Result<Published, PublishError> {
        self.bus.publish(envelope).await.map_err(|unsent| PublishError::Refused {
            source: unsent.source,
            envelope: original.map_or(unsent.envelope, Box::new),
        })
    }
}
