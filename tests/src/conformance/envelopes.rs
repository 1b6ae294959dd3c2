//! Everything beside the payload, over the link.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Envelope, Native, Properties};

use super::inbox::{Inbox, next_note, send, within};
use super::payloads::request;
use super::{Fixture, Note, Producer};

/// What no broker lacks: with these, [`Envelope::unfold`] puts everything back in its place.
pub(super) const EVERYTHING: Native =
    Native { key: true, tombstone: true, properties: true, reply_to: true, timestamp: true };

/// An envelope as this broker's own source gives it goes in by the sink and comes out the same.
///
/// # Errors
/// When the check fails.
pub async fn native_envelopes_survive_exactly<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    let native = fixture.native_envelope();
    send(&mut sink, native.clone()).await?;
    same(&without_ids(inbox.take_one().await?), &native)?;

    // And one that the client underneath has made.
    let mut producer = fixture.bare_producer().await?;
    let note = Note {
        key: F::KEYS.then(|| Bytes::from_static(b"key")),
        headers: vec![("x-one".to_owned(), "1".to_owned()), ("x-two".to_owned(), String::new())],
        encoding: Some("gzip".to_owned()),
        payload: Some(request()),
    };
    within("publish", producer.publish(note.clone())).await??;
    let first = without_ids(inbox.take_one().await?);
    ensure!(
        first.payload == note.payload && first.key == note.key,
        "the source changed it: {first:?}"
    );
    ensure!(
        first.content_encoding().as_deref() == Some("gzip"),
        "the source lost the content encoding: {first:?}"
    );
    for (name, value) in &note.headers {
        ensure!(
            first.header(name) == Some(value.as_str()),
            "the source lost the header {name}: {first:?}"
        );
    }
    send(&mut sink, first.clone()).await?;
    same(&without_ids(inbox.take_one().await?), &first)
}

/// An envelope of any other broker, with things in it that this one cannot express, comes out with all of them, in native
/// places or in headers of ours.
///
/// # Errors
/// When the check fails.
pub async fn foreign_envelopes_survive<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    for payload in [Some(request()), Some(Bytes::new()), None] {
        let foreign = foreign(fixture.address(), payload)?;
        send(&mut sink, foreign.clone()).await?;
        let mut came = without_ids(inbox.take_one().await?);
        came.unfold(EVERYTHING);
        same(&came, &foreign)?;
        // Once more, as it would go round a ring of brokers.
        send(&mut sink, came).await?;
        let mut came = without_ids(inbox.take_one().await?);
        came.unfold(EVERYTHING);
        same(&came, &foreign)?;
    }
    Ok(())
}

/// What a lesser broker could carry in headers only takes its native place again, where there is one: a key decides on the partition
/// only as a key.
///
/// # Errors
/// When the check fails.
pub async fn folded_envelopes_take_native_places<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    let foreign = foreign(fixture.address(), Some(request()))?;
    let mut folded = foreign.clone();
    folded.fold(Native::default());
    send(&mut sink, folded).await?;
    let mut came = without_ids(inbox.take_one().await?);
    came.unfold(EVERYTHING);
    same(&came, &foreign)?;

    let fixture = F::new().await?;
    let mut bare = fixture.bare_consumer().await?;
    let mut sink = fixture.sink().await?;
    for payload in [Some(request()), None] {
        let mut folded = Envelope {
            address: fixture.address(),
            key: Some(Bytes::from_static(b"key")),
            payload: payload.clone(),
            ..Envelope::default()
        };
        folded.properties.content_encoding = Some("gzip".to_owned());
        folded.fold(Native::default());
        send(&mut sink, folded).await?;
        let note = next_note(&mut bare).await?;
        let on_the_wire = if F::NULLS { payload } else { Some(payload.unwrap_or_default()) };
        ensure!(note.payload == on_the_wire, "on the wire: {note:?}");
        ensure!(note.encoding.as_deref() == Some("gzip"), "on the wire: {note:?}");
        let key: Option<&[u8]> = F::KEYS.then_some(b"key");
        ensure!(note.key.as_deref() == key, "on the wire: {note:?}");
    }
    Ok(())
}

fn foreign(address: Address, payload: Option<Bytes>) -> Result<Envelope> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    Ok(Envelope {
        address,
        key: Some(Bytes::from_static(b"\0\xff key")),
        payload,
        headers: vec![
            Header::text("x-repeated", "first"),
            Header::text("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            Header::text("x-repeated", "second"),
            Header::bytes("x-bytes", Bytes::from_static(b"\0\x01\xfe\xff")),
            Header { name: "x-null".to_owned(), value: None, amqp: None },
            Header::text("x-empty", ""),
            Header::text("x-lines", "one\r\ntwo\n"),
            Header::text("x-unicode", "größte Reederei 東京"),
            Header::text("x name: with, what NATS refuses", "value"),
            Header::text("", "no name"),
            Header {
                name: "x-count".to_owned(),
                value: Some(Bytes::from_static(b"42")),
                // A signed 32-bit integer, as AMQP writes it.
                amqp: Some(Bytes::from_static(b"I\0\0\0\x2a")),
            },
            Header::text("a-first-by-name", "last"),
        ],
        properties: Properties {
            content_type: Some("application/json".to_owned()),
            content_encoding: Some("gzip".to_owned()),
            correlation_id: Some("correlation 1".to_owned()),
            reply_to: Some("replies.of.mine".to_owned()),
            message_id: Some("message-1".to_owned()),
            kind: Some("shipment.late".to_owned()),
            app_id: Some("conformance".to_owned()),
            expiration: Some("600000".to_owned()),
            priority: Some(5),
            persistent: Some(true),
        },
        // Kafka deletes what its own stamp says is old: it has to be of today. Odd, so that whole seconds cannot hold it.
        timestamp_ms: Some(i64::try_from(now)? | 1),
        ..Envelope::default()
    })
}

/// Without what the target gives a message itself.
fn without_ids(envelope: Envelope) -> Envelope {
    Envelope { identity: None, dedup_id: None, ..envelope }
}

fn same(came: &Envelope, expected: &Envelope) -> Result<()> {
    ensure!(came == expected, "it became\n{came:?}\nand was\n{expected:?}");
    Ok(())
}
