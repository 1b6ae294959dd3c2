//! Messages read from a stream's storage, opened.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DirectGetError, RawMessageError};
use m2m_engine::Engine;

use super::Stream;
use crate::error::{GetMessageError, OpenFailure};
use crate::headers;
use crate::inbound::{Origin, judge};

fn opened(engine: &Engine, mut message: StreamMessage) -> Result<StreamMessage, GetMessageError> {
    if message.subject.starts_with('$') {
        return Ok(message);
    }
    let origin = Origin { stored: true, ..Origin::default() };
    let (headers, payload) = (Some(&message.headers), &message.payload);
    match judge(engine, &message.subject, headers, payload, &origin) {
        Ok(None) => Ok(message),
        Ok(Some(opened)) => {
            message.headers = headers::opened(message.headers, &opened).unwrap_or_default();
            message.payload = opened.into_bytes(&message.payload);
            Ok(message)
        }
        Err(source) => Err(GetMessageError::Open(Box::new(OpenFailure::new(message, source)))),
    }
}

impl<I> Stream<I> {
    /// The message of that sequence number, from any replica.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn direct_get(&self, sequence: u64) -> Result<StreamMessage, GetMessageError> {
        self.direct(self.inner.direct_get(sequence).await)
    }

    /// The first message of a subject from a sequence number on, from any replica.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn direct_get_next_for_subject<T: Into<String>>(
        &self,
        subject: T,
        sequence: Option<u64>,
    ) -> Result<StreamMessage, GetMessageError> {
        self.direct(self.inner.direct_get_next_for_subject(subject, sequence).await)
    }

    /// The first message of a subject, from any replica.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn direct_get_first_for_subject<T: Into<String>>(
        &self,
        subject: T,
    ) -> Result<StreamMessage, GetMessageError> {
        self.direct(self.inner.direct_get_first_for_subject(subject).await)
    }

    /// The last message of a subject, from any replica.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn direct_get_last_for_subject<T: Into<String>>(
        &self,
        subject: T,
    ) -> Result<StreamMessage, GetMessageError> {
        self.direct(self.inner.direct_get_last_for_subject(subject).await)
    }

    /// The message of that sequence number.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn get_raw_message(&self, sequence: u64) -> Result<StreamMessage, GetMessageError> {
        self.raw(self.inner.get_raw_message(sequence).await)
    }

    /// The first message of a subject from a sequence number on.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn get_first_raw_message_by_subject<T: AsRef<str>>(
        &self,
        subject: T,
        sequence: u64,
    ) -> Result<StreamMessage, GetMessageError> {
        self.raw(self.inner.get_first_raw_message_by_subject(subject, sequence).await)
    }

    /// The first message of a subject.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn get_next_raw_message_by_subject<T: AsRef<str>>(
        &self,
        subject: T,
    ) -> Result<StreamMessage, GetMessageError> {
        self.raw(self.inner.get_next_raw_message_by_subject(subject).await)
    }

    /// The last message of a subject.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn get_last_raw_message_by_subject(
        &self,
        stream_subject: &str,
    ) -> Result<StreamMessage, GetMessageError> {
        self.raw(self.inner.get_last_raw_message_by_subject(stream_subject).await)
    }

    fn direct(
        &self,
        got: Result<StreamMessage, DirectGetError>,
    ) -> Result<StreamMessage, GetMessageError> {
        opened(&self.engine, got.map_err(GetMessageError::Direct)?)
    }

    fn raw(
        &self,
        got: Result<StreamMessage, RawMessageError>,
    ) -> Result<StreamMessage, GetMessageError> {
        opened(&self.engine, got.map_err(GetMessageError::Raw)?)
    }
}
