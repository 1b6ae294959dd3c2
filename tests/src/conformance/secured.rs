//! Engines with keys: what they send arrives, and nothing else does.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::headers::{KEY, KEY_ID, STAMP, TOMBSTONE};
use m2m_engine::frame::{Form, Security, peek};
use m2m_engine::secure::{Keyring, Mode};

use super::inbox::{next_note, refused, within};
use super::payloads::{every_kind, frame, frames, request};
use super::rings::{engine, key, requiring};
use super::{Fixture, Note, Producer};

/// What a producer with a key sends, a consumer with that key gets, byte for byte; on the wire it is signed or encrypted, all of it, and
/// says by which key.
///
/// # Errors
/// When the check fails.
pub async fn every_payload_kind_round_trips_secured<F: Fixture>() -> Result<()> {
    for (mode, security) in [(Mode::Hmac, Security::Hmac), (Mode::Aead, Security::Aead)] {
        let config = requiring(Keyring::new(key("of-today", mode)?));
        let fixture = F::new().await?;
        let mut consumer = fixture.consumer(engine(config.clone())?).await?;
        let mut producer = fixture.producer(engine(config.clone())?).await?;
        for (kind, payload) in every_kind()? {
            let note = Note::of(payload);
            within(kind, producer.publish(note.clone())).await??;
            let got = next_note(&mut consumer).await.map_err(|e| e.context(kind))?;
            ensure!(got.payload == note.payload, "{mode}, {kind}: other bytes came out");
            ensure!(got.encoding.is_none(), "{mode}, {kind}: the mark {:?} was left", got.encoding);
        }

        let fixture = F::new().await?;
        let mut bare = fixture.bare_consumer().await?;
        let mut producer = fixture.producer(engine(config)?).await?;
        for payload in [Bytes::from_static(b"small"), Bytes::new(), request()] {
            within("publish", producer.publish(Note::of(payload.clone()))).await??;
            let note = next_note(&mut bare).await?;
            let on_the_wire = note.payload.clone().unwrap_or_default();
            ensure!(Form::of(&on_the_wire) == Form::M2m, "{mode}: not framed");
            let peeked = peek(&on_the_wire)?;
            ensure!(peeked.security == security, "{mode}: {:?} on the wire", peeked.security);
            ensure!(header(&note, KEY_ID) == Some("of-today"), "{mode}: {note:?}");
            ensure!(note.encoding.as_deref() == Some("m2m"), "{mode}: {note:?}");
        }
    }
    Ok(())
}

/// A consumer that requires security takes nothing weaker, and goes on.
///
/// # Errors
/// When the check fails.
pub async fn nothing_weaker_than_required_is_taken_in<F: Fixture>() -> Result<()> {
    let (hmac, aead) = (key("signs", Mode::Hmac)?, key("encrypts", Mode::Aead)?);
    let other = requiring(Keyring::new(key("other", Mode::Aead)?));
    let config = requiring(Keyring::new(aead).with_retired(hmac.clone())?);
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(engine(config.clone())?).await?;
    let mut good = fixture.producer(engine(config)?).await?;

    let mut weaker = vec![
        ("plain JSON", Bytes::from_static(br#"{"ok":true}"#)),
        ("plain text", Bytes::from_static(b"text")),
        ("nothing at all", Bytes::new()),
        ("an unsigned frame of little", frame(b"{}")?),
    ];
    weaker.extend(frames()?);
    let mut bare = fixture.bare_producer().await?;
    for (what, payload) in weaker {
        within(what, bare.publish(Note::of(payload.clone()))).await??;
        let raw = refused(&mut consumer).await.map_err(|error| error.context(what))?;
        ensure!(raw == Some(payload), "{what}: the error has other bytes");
    }
    if F::NULLS {
        within("publish", bare.publish(Note::default())).await??;
        ensure!(refused(&mut consumer).await?.is_none(), "the error has a payload");
    }
    let signed = engine(requiring(Keyring::new(hmac)))?;
    let forged = engine(other)?;
    for (what, weaker) in [("signed only", signed), ("by another key", forged)] {
        let mut producer = fixture.producer(weaker).await?;
        within(what, producer.publish(Note::of(request()))).await??;
        refused(&mut consumer).await.map_err(|error| error.context(what))?;
    }
    within("publish", good.publish(Note::of(request()))).await??;
    ensure!(
        next_note(&mut consumer).await?.payload == Some(request()),
        "nor what is strong enough"
    );
    Ok(())
}

/// A key is replaced while messages are under way, without one lost: consumers get it first, then producers use it, then the old
/// one is taken away.
///
/// # Errors
/// When the check fails.
pub async fn keys_are_replaced_under_way<F: Fixture>() -> Result<()> {
    let (old, new) = (key("old", Mode::Hmac)?, key("new", Mode::Aead)?);
    let mut config = requiring(Keyring::new(old.clone()));
    config.minimum = Some(Mode::Hmac);
    let (sending, receiving) = (engine(config.clone())?, engine(config)?);
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(Arc::clone(&receiving)).await?;
    let mut producer = fixture.producer(Arc::clone(&sending)).await?;
    let mut late = fixture.producer(engine(requiring(Keyring::new(old.clone())))?).await?;

    within("publish", producer.publish(Note::of("1"))).await??;
    receiving.replace_keys(Keyring::new(old.clone()).with_retired(new.clone())?)?;
    within("publish", producer.publish(Note::of("2"))).await??;
    sending.replace_keys(Keyring::new(new.clone()).with_retired(old.clone())?)?;
    within("publish", producer.publish(Note::of("3"))).await??;
    within("publish", late.publish(Note::of("4"))).await??;
    for expected in ["1", "2", "3"] {
        let got = next_note(&mut consumer).await?;
        ensure!(got.payload.as_deref() == Some(expected.as_bytes()), "{expected}: {got:?}");
    }
    receiving.replace_keys(Keyring::new(new.clone()).with_retired(old)?)?;
    ensure!(next_note(&mut consumer).await?.payload.as_deref() == Some(b"4"), "4 was lost");

    receiving.replace_keys(Keyring::new(new))?;
    within("publish", late.publish(Note::of("too late"))).await??;
    refused(&mut consumer).await?;
    within("publish", producer.publish(Note::of("5"))).await??;
    ensure!(next_note(&mut consumer).await?.payload.as_deref() == Some(b"5"), "5 was lost");
    Ok(())
}

/// Bound to its destination and key, a captured frame opens nowhere else.
///
/// # Errors
/// When the check fails.
pub async fn a_captured_frame_opens_only_where_it_was_sent<F: Fixture>() -> Result<()> {
    let mut config = requiring(Keyring::new(key("bound", Mode::Hmac)?));
    config.bind_destination = true;
    let here = F::new().await?;
    let note = Note { key: F::KEYS.then(|| Bytes::from_static(b"key")), ..Note::of(request()) };

    let mut bare = here.bare_consumer().await?;
    let mut producer = here.producer(engine(config.clone())?).await?;
    within("publish", producer.publish(note.clone())).await??;
    let captured = next_note(&mut bare).await?;
    ensure!(header(&captured, STAMP).is_some(), "no stamp: {captured:?}");
    drop(bare);

    let there = F::new().await?;
    let mut consumer = there.consumer(engine(config.clone())?).await?;
    let mut attacker = there.bare_producer().await?;
    within("publish", attacker.publish(captured.clone())).await??;
    refused(&mut consumer).await?;
    let mut producer = there.producer(engine(config.clone())?).await?;
    within("publish", producer.publish(note.clone())).await??;
    ensure!(next_note(&mut consumer).await?.payload == note.payload, "nor does what belongs there");

    if F::KEYS {
        let fixture = F::new().await?;
        let mut consumer = fixture.consumer(engine(config.clone())?).await?;
        let mut producer = fixture.producer(engine(config)?).await?;
        // No key is another key than an empty one.
        for key in [None, Some(Bytes::new()), Some(Bytes::from_static(b"\xff\0"))] {
            let note = Note { key, ..note.clone() };
            within("publish", producer.publish(note.clone())).await??;
            ensure!(next_note(&mut consumer).await?.key == note.key, "another key");
        }
    }
    Ok(())
}

/// A null payload, or what stands for one, is taken in with a stamp of its own topic and key, and with nothing less.
///
/// # Errors
/// When the check fails.
pub async fn tombstones_need_a_stamp<F: Fixture>() -> Result<()> {
    let config = requiring(Keyring::new(key("deletes", Mode::Aead)?));
    let fixture = F::new().await?;
    let mut bare = fixture.bare_consumer().await?;
    let mut producer = fixture.producer(engine(config.clone())?).await?;
    within("publish", producer.publish(tombstone::<F>("order-17"))).await??;
    let captured = next_note(&mut bare).await?;
    ensure!(captured.payload.is_none_or(|payload| payload.is_empty()), "framed");
    ensure!(captured.headers.iter().any(|(name, _)| name == STAMP), "no stamp");
    drop(bare);

    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(engine(config.clone())?).await?;
    let mut producer = fixture.producer(engine(config.clone())?).await?;
    within("publish", producer.publish(tombstone::<F>("order-17"))).await??;
    let got = next_note(&mut consumer).await?;
    let expected = tombstone::<F>("order-17");
    ensure!((&got.key, &got.payload) == (&expected.key, &expected.payload), "it became {got:?}");

    // What a relay or an attacker has: other stamps, and none.
    let mut attacker = fixture.bare_producer().await?;
    let stamps: Vec<_> = captured
        .headers
        .iter()
        .filter(|(name, _)| [STAMP, KEY_ID].contains(&name.as_str()))
        .collect();
    let mut elsewhere = tombstone::<F>("order-17");
    elsewhere.headers.extend(stamps.into_iter().cloned());
    for (what, note) in [("elsewhere", elsewhere), ("unstamped", tombstone::<F>("order-17"))] {
        within(what, attacker.publish(note)).await??;
        refused(&mut consumer).await.map_err(|error| error.context(what))?;
    }
    drop(consumer);

    let mut lenient = config;
    lenient.danger.allow_tombstones = true;
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(engine(lenient)?).await?;
    let mut attacker = fixture.bare_producer().await?;
    within("publish", attacker.publish(tombstone::<F>("order-17"))).await??;
    next_note(&mut consumer).await?;
    Ok(())
}

/// The end of what has this key.
fn tombstone<F: Fixture>(key: &'static str) -> Note {
    if F::NULLS {
        return Note { key: Some(key.into()), ..Note::default() };
    }
    let headers = [(KEY, key), (TOMBSTONE, "1")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Note { headers: headers.into(), ..Note::of("") }
}

fn header<'a>(note: &'a Note, name: &str) -> Option<&'a str> {
    note.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
