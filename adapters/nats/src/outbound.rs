//! The client's own publish and request calls: wrap, then really send.

mod prepare;

use async_nats::{HeaderMap, Message, Request, Subject, ToSubject};
use bytes::Bytes;

use crate::client::Client;
use crate::error::{OpenFailure, PublishError, RequestError, Unsent};
use crate::inbound::{self, Origin};

pub(crate) use prepare::{Prepared, Terms, prepare};

impl Client {
    /// Publishes a payload, framed where that pays.
    ///
    /// As with the bare client, success means that it is queued, not that the server has it.
    ///
    /// # Errors
    /// When it cannot be wrapped, is too long, or the client refuses it; the payload is inside.
    pub async fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), None, None, payload).await
    }

    /// As [`Client::publish`], with headers.
    ///
    /// # Errors
    /// As [`Client::publish`].
    pub async fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), None, Some(headers), payload).await
    }

    /// As [`Client::publish`], with the subject on which a reply is awaited.
    ///
    /// # Errors
    /// As [`Client::publish`].
    pub async fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), Some(reply.to_subject()), None, payload).await
    }

    /// As [`Client::publish_with_reply`], with headers.
    ///
    /// # Errors
    /// As [`Client::publish`].
    pub async fn publish_with_reply_and_headers<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), Some(reply.to_subject()), Some(headers), payload).await
    }

    async fn send(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        headers: Option<HeaderMap>,
        original: Bytes,
    ) -> Result<(), PublishError> {
        // A request that is passed on, its requester not reading frames, asks for plain replies further on.
        let accept = reply.as_ref().is_some_and(|reply| self.replies.accepts(reply) != Some(false));
        let terms = Terms {
            subject: &subject,
            algorithm: self.algorithm(&subject),
            accept,
            limit: self.inner.max_payload(),
        };
        let prepared = prepare(&self.engine, &terms, headers, &original);
        let Prepared { payload, headers } = match prepared {
            Ok(prepared) => prepared,
            Err(refused) => return Err(PublishError::refused(refused, original)),
        };
        let sent = match reply {
            None => self.inner.publish_with_headers(subject, headers, payload).await,
            Some(reply) => {
                let client = &self.inner;
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await
            }
        };
        sent.map_err(|source| PublishError::Nats { payload: Unsent(original), source })
    }

    /// Sends a request and awaits its answer, opened.
    ///
    /// # Errors
    /// When it cannot be sent, is not answered, or the answer cannot be opened.
    pub async fn request<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().payload(payload)).await
    }

    /// As [`Client::request`], with headers.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().headers(headers).payload(payload)).await
    }

    /// As [`Client::request`], with all that the client's own `Request` can say.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> Result<Message, RequestError> {
        let subject = subject.to_subject();
        let original = request.payload.unwrap_or_default();
        let terms = Terms {
            subject: &subject,
            algorithm: self.algorithm(&subject),
            accept: true,
            limit: self.inner.max_payload(),
        };
        let Prepared { payload, headers } =
            match prepare(&self.engine, &terms, request.headers, &original) {
                Ok(prepared) => prepared,
                Err(refused) => return Err(RequestError::refused(refused, original)),
            };
        let request = Request {
            payload: Some(payload),
            headers: Some(headers),
            timeout: request.timeout,
            inbox: request.inbox,
        };
        match self.inner.send_request(subject, request).await {
            Ok(mut answer) => match inbound::open(&self.engine, &mut answer, &Origin::default()) {
                Ok(()) => Ok(answer),
                Err(source) => Err(RequestError::Open(Box::new(OpenFailure::new(answer, source)))),
            },
            Err(source) => Err(RequestError::Nats { payload: Unsent(original), source }),
        }
    }
}
