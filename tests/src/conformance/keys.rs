//! Keys and null payloads, over the link and over the clients.

use anyhow::{Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::Envelope;

use super::envelopes::EVERYTHING;
use super::inbox::{Inbox, next_note, send, within};
use super::payloads::{engine, request};
use super::{Fixture, Note, Producer};

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
        // A source may do this already; on the wire only Kafka has nulls.
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
