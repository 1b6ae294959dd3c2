//! Everything beside the payload, over the link.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Envelope, Native, Properties, Sink};
use m2m_engine::error::{Classify, Transience};

use super::inbox::{Inbox, next_note, send, within};
use super::payloads::{engine, request};
use super::{Fixture, Note, Producer};

/// What no broker lacks: with these, [`Envelope::unfold`] puts everything back in its place.
const EVERYTHING: Native =
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
    ensure!(came.key.is_some() == F::KEYS, "native key: {came:?}");
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

/// A null payload stays null and differs from an empty one, natively or by a header of ours.
///
/// # Errors
/// When the check fails.
pub async fn tombstones_stay_null<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    for payload in [None, Some(Bytes::new())] {
        let envelope = Envelope {
            address: fixture.address(),
            key: Some(Bytes::from_static(b"gone")),
            payload: payload.clone(),
            ..Envelope::default()
        };
        send(&mut sink, envelope).await?;
        let mut came = inbox.take_one().await?;
        if !F::NULLS {
            ensure!(came.payload == Some(Bytes::new()), "not empty: {came:?}");
        }
        came.unfold(EVERYTHING);
        ensure!(came.payload == payload, "{payload:?} became {came:?}");
        ensure!(came.key.as_deref() == Some(b"gone"), "the key: {came:?}");
    }
    if F::NULLS {
        let fixture = F::new().await?;
        let mut consumer = fixture.consumer(engine()?).await?;
        let mut producer = fixture.producer(engine()?).await?;
        for payload in [None, Some(Bytes::new())] {
            let note = Note { key: Some(Bytes::from_static(b"gone")), payload, ..Note::default() };
            within("publish", producer.publish(note.clone())).await??;
            let got = next_note(&mut consumer).await?;
            ensure!(
                (&got.key, &got.payload) == (&note.key, &note.payload),
                "{note:?} became {got:?}"
            );
            ensure!(got.encoding.is_none(), "a mark on nothing: {got:?}");
        }
    }
    Ok(())
}

/// Keys are bytes: letters beyond ASCII and no letters at all.
///
/// # Errors
/// When the check fails.
pub async fn unicode_keys<F: Fixture>() -> Result<()> {
    let keys = ["größe-東京-🚢".as_bytes(), b"", b"\xff\0\xfe"];
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    for key in keys {
        let envelope = Envelope {
            key: Some(Bytes::from_static(key)),
            address: fixture.address(),
            payload: Some(request()),
            ..Envelope::default()
        };
        send(&mut sink, envelope).await?;
        let mut came = inbox.take_one().await?;
        came.unfold(EVERYTHING);
        ensure!(came.key.as_deref() == Some(key), "{key:?} became {came:?}");
    }
    if F::KEYS {
        let fixture = F::new().await?;
        let mut consumer = fixture.consumer(engine()?).await?;
        let mut producer = fixture.producer(engine()?).await?;
        for key in keys {
            let note = Note { key: Some(Bytes::from_static(key)), ..Note::of(request()) };
            within("publish", producer.publish(note.clone())).await??;
            let got = next_note(&mut consumer).await?;
            ensure!(got.key == note.key, "{key:?} became {got:?}");
        }
    }
    Ok(())
}

/// Names beyond ASCII work, or are refused for good at once.
///
/// # Errors
/// When the check fails.
pub async fn unicode_names<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    let address = fixture.unicode_address();
    ensure!(!address.name.is_ascii(), "{address:?} is plain ASCII");
    let envelope = |address: &Address| Envelope {
        address: address.clone(),
        payload: Some(request()),
        ..Envelope::default()
    };
    if F::UNICODE_NAMES {
        send(&mut sink, envelope(&address)).await?;
        let came = inbox.take_one().await?;
        ensure!(came.address == address, "{address:?} became {came:?}");
        ensure!(came.payload == Some(request()), "the payload was changed");
    } else {
        expect_refusal(&mut sink, envelope(&address)).await?;
    }
    // Either way the sink goes on.
    send(&mut sink, envelope(&fixture.address())).await?;
    inbox.take_one().await?;
    Ok(())
}

/// A sink that claims to confirm fails where nothing takes the message; one that does not claim it cannot tell.
///
/// # Errors
/// When the check fails.
pub async fn confirmations_tell_the_truth<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut sink = fixture.sink().await?;
    let lost =
        Envelope { address: fixture.nowhere(), payload: Some(request()), ..Envelope::default() };
    if sink.capabilities().confirms {
        expect_refusal(&mut sink, lost).await?;
    } else {
        send(&mut sink, lost).await?;
    }
    let mut inbox = Inbox::new(fixture.source().await?);
    let envelope =
        Envelope { address: fixture.address(), payload: Some(request()), ..Envelope::default() };
    send(&mut sink, envelope).await?;
    ensure!(inbox.take_one().await?.payload == Some(request()), "the sink does not go on");
    Ok(())
}

async fn expect_refusal<S: Sink>(sink: &mut S, envelope: Envelope) -> Result<()> {
    let outcome = match within("the sink answers", sink.send(envelope)).await? {
        Ok(confirmation) => within("the broker answers", confirmation).await?,
        Err(error) => Err(error),
    };
    let error = outcome.err().context("nothing is there, and it was confirmed")?;
    ensure!(error.transience() == Transience::Permanent, "trying again does not help: {error}");
    Ok(())
}

/// Without what the target gives a message itself.
fn without_ids(envelope: Envelope) -> Envelope {
    Envelope { identity: None, dedup_id: None, ..envelope }
}

fn same(came: &Envelope, expected: &Envelope) -> Result<()> {
    ensure!(came == expected, "it became\n{came:?}\nand was\n{expected:?}");
    Ok(())
}
