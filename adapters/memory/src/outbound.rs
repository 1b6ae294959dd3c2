//! Publishing: wrap, then really send.

use std::time::SystemTime;

use bytes::Bytes;
use m2m_engine::bus::headers::{self, Header};
use m2m_engine::bus::{Address, Envelope};
use m2m_engine::{Algorithm, Outbound, WrapError};

use crate::encoding;
use crate::error::PublishError;
use crate::{Client, Published};

/// What goes out in the place of what was given.
struct Ready {
    framed: bool,
    headers: Vec<(&'static str, String)>,
    payload: Option<Bytes>,
}

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
        let wrapped = match self.wrapped(&envelope) {
            Ok(wrapped) => wrapped,
            Err(source) => {
                return Err(PublishError::Wrap { source, envelope: Box::new(envelope) });
            }
        };
        let asks = envelope.payload.is_some()
            && envelope.properties.reply_to.is_some()
            && envelope.header(headers::ACCEPT).is_none();
        let replaces = envelope.headers.iter().any(|header| headers::is_engines(&header.name));
        if !wrapped.framed && wrapped.headers.is_empty() && !asks && !replaces {
            return self.send(envelope, None).await;
        }
        let mut sent = envelope.clone();
        if wrapped.framed {
            encoding::mark(&mut sent);
        }
        sent.headers.retain(|header| !headers::is_engines(&header.name));
        let added = wrapped.headers.into_iter();
        sent.headers.extend(added.map(|(name, value)| Header::text(name, value)));
        if asks {
            sent.headers.push(Header::text(headers::ACCEPT, "1"));
        }
        sent.payload = wrapped.payload;
        self.send(sent, Some(envelope)).await
    }

    fn wrapped(&self, envelope: &Envelope) -> Result<Ready, WrapError> {
        let subject = &envelope.address.name;
        let outbound = Outbound {
            key: envelope.key.as_deref(),
            time: Some(SystemTime::now()),
            algorithm: self.must_be_plain(subject).then_some(Algorithm::Stored),
            ..Outbound::to(subject)
        };
        let Some(payload) = &envelope.payload else {
            let headers = self.engine.wrap_null(&outbound)?;
            return Ok(Ready { framed: false, headers, payload: None });
        };
        let mut wrapped = self.engine.wrap(payload, &outbound)?;
        Ok(Ready {
            framed: wrapped.is_framed(),
            headers: std::mem::take(&mut wrapped.headers),
            payload: Some(wrapped.into_bytes(payload)),
        })
    }

    /// Whether this is a reply to somebody who does not read frames; where everything has to be secured, it is a frame all the same.
    fn must_be_plain(&self, subject: &str) -> bool {
        self.replies.accepts(subject) == Some(false) && !self.engine.requires_security()
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
