//! The client's own publish and request calls: wrap, then really send.

use async_nats::{HeaderMap, Message, Request, Subject, ToSubject};
use bytes::Bytes;
use m2m_engine::{Algorithm, Engine, Outbound};

use crate::client::Client;
use crate::error::{PublishError, Refused, RequestError, Unsent};
use crate::{headers, inbound};

/// What goes to the client.
pub(crate) struct Prepared {
    pub(crate) payload: Bytes,
    pub(crate) headers: HeaderMap,
}

/// How a message is to be prepared.
pub(crate) struct Terms<'a> {
    pub(crate) subject: &'a str,
    /// `Some` where the receiver is known not to read frames.
    pub(crate) algorithm: Option<Algorithm>,
    /// Whether we read a framed reply.
    pub(crate) accept: bool,
    /// The server's `max_payload`.
    pub(crate) limit: usize,
}

/// Frames a payload where that pays and judges the size of what would go out.
pub(crate) fn prepare(
    engine: &Engine,
    terms: &Terms<'_>,
    headers: Option<HeaderMap>,
    payload: &Bytes,
) -> Result<Prepared, Refused> {
    let mut headers = headers.unwrap_or_default();
    if terms.subject.starts_with('$') {
        return fits(terms.limit, Prepared { payload: payload.clone(), headers });
    }
    let outbound = Outbound { algorithm: terms.algorithm, ..Outbound::to(terms.subject) };
    let wrapped = engine.wrap(payload, &outbound).map_err(Refused::Wrap)?;
    for (name, value) in &wrapped.headers {
        if !headers::add(&mut headers, name, value) {
            return Err(Refused::Header { name });
        }
    }
    let framed = wrapped.is_framed();
    let payload = wrapped.into_bytes(payload);
    if framed || terms.accept {
        let mut marked = headers.clone();
        if framed {
            headers::mark(&mut marked);
        }
        if terms.accept {
            headers::accept(&mut marked);
        }
        // Both are hints. A message that passes only without them passes, as it does through the bare client.
        if payload.len() + headers::wire_len(&marked) <= terms.limit {
            headers = marked;
        }
    }
    fits(terms.limit, Prepared { payload, headers })
}

fn fits(limit: usize, prepared: Prepared) -> Result<Prepared, Refused> {
    let len = prepared.payload.len() + headers::wire_len(&prepared.headers);
    if len > limit { Err(Refused::MaxPayload { len, limit }) } else { Ok(prepared) }
}

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
            Ok(answer) => inbound::open(&self.engine, answer, None).map_err(RequestError::Open),
            Err(source) => Err(RequestError::Nats { payload: Unsent(original), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]
    use m2m_engine::Config;

    use super::*;

    fn terms(subject: &str, limit: usize) -> Terms<'_> {
        Terms { subject, algorithm: None, accept: true, limit }
    }

    #[test]
    fn hints_are_left_out_where_they_would_not_fit() {
        let engine = Engine::new(Config::default()).unwrap();
        let payload = Bytes::from_static(b"0123456789");
        let tight = prepare(&engine, &terms("a", 10), None, &payload).unwrap();
        assert!(tight.headers.is_empty());
        let wide = prepare(&engine, &terms("a", 100), None, &payload).unwrap();
        assert!(headers::accepts(Some(&wide.headers)));
        let refused = prepare(&engine, &terms("a", 9), None, &payload).err().unwrap();
        assert!(matches!(refused, Refused::MaxPayload { len: 10, limit: 9 }));
    }

    #[test]
    fn subjects_of_the_server_pass_untouched() {
        let engine = Engine::new(Config::default()).unwrap();
        let payload = Bytes::from(format!("[{}1]", "1,".repeat(5_000)));
        let kept = prepare(&engine, &terms("$KV.bucket.key", 1 << 20), None, &payload).unwrap();
        assert_eq!(kept.payload, payload);
        assert!(kept.headers.is_empty());
        let framed = prepare(&engine, &terms("kv.key", 1 << 20), None, &payload).unwrap();
        assert!(framed.payload.len() < payload.len());
    }
}
