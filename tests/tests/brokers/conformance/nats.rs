//! NATS, by its two links: core subjects and JetStream streams.

mod core;
mod jetstream;

use std::str::FromStr;

use anyhow::{Result, ensure};
use async_nats::{HeaderMap, HeaderName, HeaderValue, Message, RequestErrorKind};
use bytes::Bytes;
use m2m_engine::bus::Address;
use m2m_engine::bus::headers::Header;
use m2m_tests::conformance::{Note, Rejected};
use m2m_tests::harness::Nats;

const CONTENT_ENCODING: &str = "Content-Encoding";

async fn connect() -> Result<async_nats::Client> {
    Ok(async_nats::connect(Nats::shared().await?.url()).await?)
}

/// Waits until the server has processed everything that was sent before, subscriptions above all: a request that nobody listens for
/// is answered at once, by the server itself.
async fn round_trip(client: &async_nats::Client) -> Result<()> {
    let answer = client.request(client.new_inbox(), Bytes::new()).await;
    let kind = answer.err().map(|error| error.kind());
    ensure!(kind == Some(RequestErrorKind::NoResponders), "somebody answered: {kind:?}");
    Ok(())
}

fn address(subject: &str) -> Address {
    Address { name: subject.to_owned(), exchange: String::new() }
}

fn headers(note: &Note) -> HeaderMap {
    let mut map = HeaderMap::new();
    let encoding = note.encoding.iter().map(|encoding| (CONTENT_ENCODING, encoding));
    let headers = note.headers.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in headers.chain(encoding) {
        map.append(HeaderName::from_str(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn note(message: &Message) -> Note {
    let mut note = Note::of(message.payload.clone());
    for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        for value in values {
            if name == CONTENT_ENCODING {
                note.encoding = Some(value.to_string());
            } else {
                note.headers.push((name.to_owned(), value.to_string()));
            }
        }
    }
    note
}

/// Headers as a source gives them: by name.
fn native_headers() -> Vec<Header> {
    vec![
        Header::text("X-Empty", ""),
        Header::text("content-encoding", "gzip, m2m"),
        Header::text("x-repeated", "first"),
        Header::text("x-repeated", "größer: second"),
    ]
}

/// What a bare client says; what it was given is not asked for.
fn bare(error: impl std::error::Error) -> Rejected {
    Rejected { payload: None, too_large: false, text: error.to_string() }
}
