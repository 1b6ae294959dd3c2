//! What the wrapped clients do to payloads, headers and the content encoding.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use m2m_engine::Inbound;

use super::inbox::{next_note, within};
use super::payloads::{every_kind, frames, framing_engine, opening_engine, request};
use super::{Fixture, Note, Producer, payloads};

const SMALL: &[u8] = br#"{"ok":true}"#;

/// What a wrapped producer sends, a wrapped consumer gets, byte for byte.
///
/// # Errors
/// When the check fails.
pub async fn every_payload_kind_round_trips<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(payloads::engine()?).await?;
    for engine in [payloads::engine()?, framing_engine()?] {
        let mut producer = fixture.producer(engine).await?;
        for (kind, payload) in every_kind()? {
            let note = Note::of(payload);
            within(kind, producer.publish(note.clone())).await??;
            let got = next_note(&mut consumer).await.context(kind)?;
            ensure!(got.payload == note.payload, "{kind}: other bytes came out");
            let mark = got.encoding;
            ensure!(mark.is_none(), "{kind}: the mark {mark:?} was left");
        }
        if F::NULLS {
            within("publish", producer.publish(Note::default())).await??;
            let got = next_note(&mut consumer).await?;
            ensure!(got.payload.is_none(), "a null payload became {got:?}");
        }
    }
    Ok(())
}

/// A producer whose engine only opens sends every kind as it is.
///
/// # Errors
/// When the check fails.
pub async fn framing_can_be_off<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut consumer = fixture.bare_consumer().await?;
    let mut producer = fixture.producer(opening_engine()?).await?;
    for (kind, payload) in every_kind()? {
        let note = Note::of(payload);
        within(kind, producer.publish(note.clone())).await??;
        let got = next_note(&mut consumer).await.context(kind)?;
        ensure!(got.payload == note.payload, "{kind}: changed on the wire");
        ensure!(got.encoding.is_none(), "{kind}: marked {:?}", got.encoding);
    }
    Ok(())
}

/// On one destination, peers that know of frames and peers that do not.
///
/// # Errors
/// When the check fails.
pub async fn plain_and_framed_traffic_mixes<F: Fixture>() -> Result<()> {
    let engine = payloads::engine()?;
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(engine.clone()).await?;
    let mut producer = fixture.producer(engine.clone()).await?;
    let mut bare_producer = fixture.bare_producer().await?;
    for (kind, frame) in frames()? {
        let sent = [
            (false, Bytes::from_static(SMALL)),
            (true, request()),
            (false, frame),
            (true, Bytes::from_static(SMALL)),
            (false, request()),
        ];
        for (wrapped, payload) in sent {
            let note = Note::of(payload.clone());
            if wrapped {
                within("publish", producer.publish(note)).await??;
            } else {
                within("publish", bare_producer.publish(note)).await??;
            }
            let got = next_note(&mut consumer).await?;
            let expected = if payload.starts_with(b"#") { request() } else { payload };
            ensure!(got.payload == Some(expected), "{kind}: other bytes");
        }
    }

    let fixture = F::new().await?;
    let mut bare_consumer = fixture.bare_consumer().await?;
    let mut producer = fixture.producer(engine.clone()).await?;
    within("publish", producer.publish(Note::of(SMALL))).await??;
    let small = next_note(&mut bare_consumer).await?;
    ensure!(small.payload.as_deref() == Some(SMALL), "a small payload was changed");
    within("publish", producer.publish(Note::of(request()))).await??;
    let framed = next_note(&mut bare_consumer).await?;
    let frame = framed.payload.context("a null payload")?;
    let opened = engine.open(&frame, &Inbound::default())?;
    ensure!(opened.is_framed(), "a long request was not framed");
    ensure!(frame.len() < request().len(), "the frame is no smaller");
    ensure!(*opened.payload == *request(), "the frame holds something else");
    Ok(())
}

/// Headers of the application arrive, framed or not, from and at either kind of client.
///
/// # Errors
/// When the check fails.
pub async fn headers_survive_both_ways<F: Fixture>() -> Result<()> {
    let engine = payloads::engine()?;
    let mut headers: Vec<(String, String)> = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "vendor=a,other=b"),
        ("x-tenant", "größte Reederei 東京"),
        ("x-empty", ""),
        ("X-Case-Kept", "yes"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    headers.sort();
    for payload in [Bytes::from_static(SMALL), request()] {
        let note = Note { headers: headers.clone(), ..Note::of(payload) };
        for (wrapped_out, wrapped_in) in [(true, true), (true, false), (false, true)] {
            let fixture = F::new().await?;
            let got = if wrapped_in {
                let mut consumer = fixture.consumer(engine.clone()).await?;
                publish(&fixture, wrapped_out, note.clone()).await?;
                next_note(&mut consumer).await?
            } else {
                let mut consumer = fixture.bare_consumer().await?;
                publish(&fixture, wrapped_out, note.clone()).await?;
                next_note(&mut consumer).await?
            };
            // A broker may add headers of its own, and not every one keeps their order.
            let mut got: Vec<_> = got.headers;
            got.retain(|(name, _)| headers.iter().any(|(ours, _)| ours == name));
            got.sort();
            ensure!(got == headers, "wrapped out {wrapped_out}, in {wrapped_in}: {got:?}");
        }
    }
    Ok(())
}

async fn publish<F: Fixture>(fixture: &F, wrapped: bool, note: Note) -> Result<()> {
    if wrapped {
        let mut producer = fixture.producer(payloads::engine()?).await?;
        within("publish", producer.publish(note)).await??;
    } else {
        let mut producer = fixture.bare_producer().await?;
        within("publish", producer.publish(note)).await??;
    }
    Ok(())
}

/// A framed payload is marked with `m2m` behind whatever the application had there; opened, it shows what the application had.
///
/// # Errors
/// When the check fails.
pub async fn content_encoding_is_marked_and_removed<F: Fixture>() -> Result<()> {
    let engine = payloads::engine()?;
    let cases = [
        (SMALL, None, None),
        (SMALL, Some("gzip"), Some("gzip")),
        (&request(), None, Some("m2m")),
        (&request(), Some("gzip"), Some("gzip, m2m")),
    ];
    for (payload, set, on_the_wire) in cases {
        let note =
            Note { encoding: set.map(str::to_owned), ..Note::of(Bytes::copy_from_slice(payload)) };
        let fixture = F::new().await?;
        let mut bare = fixture.bare_consumer().await?;
        publish(&fixture, true, note.clone()).await?;
        let seen = next_note(&mut bare).await?;
        ensure!(
            seen.encoding.as_deref() == on_the_wire,
            "{set:?} is {:?} on the wire",
            seen.encoding
        );

        let fixture = F::new().await?;
        let mut consumer = fixture.consumer(engine.clone()).await?;
        publish(&fixture, true, note.clone()).await?;
        let got = next_note(&mut consumer).await?;
        ensure!(got.encoding == note.encoding, "{set:?} is {:?} when opened", got.encoding);
        ensure!(got.payload == note.payload, "other bytes came out");
    }
    Ok(())
}
