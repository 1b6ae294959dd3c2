//! What goes to the client in the place of what it is given.

use std::time::SystemTime;

use async_nats::HeaderMap;
use bytes::Bytes;
use m2m_engine::{Algorithm, Engine, Outbound};

use crate::error::Refused;
use crate::headers;

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
    let keyed = engine.has_keys();
    let outbound = Outbound {
        key: if keyed { headers::key(Some(&headers)) } else { None },
        time: keyed.then(SystemTime::now),
        algorithm: terms.algorithm,
        ..Outbound::to(terms.subject)
    };
    let (framed, added, payload) = if payload.is_empty() && headers::is_tombstone(Some(&headers)) {
        let added = engine.wrap_null(&outbound).map_err(Refused::Wrap)?;
        (false, added, payload.clone())
    } else {
        let mut wrapped = engine.wrap(payload, &outbound).map_err(Refused::Wrap)?;
        let added = std::mem::take(&mut wrapped.headers);
        (wrapped.is_framed(), added, wrapped.into_bytes(payload))
    };
    headers::replace_engines(&mut headers, &added).map_err(|name| Refused::Header { name })?;
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
