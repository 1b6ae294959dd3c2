//! What came before, and what only comes again.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use m2m_engine::bus::Source;

use super::inbox::{next_note, within};
use super::payloads::request;
use super::rings::{engine, remembering};
use super::{Arrival, Consumer, Fixture, Note, Producer};

/// The same bytes with the same headers, published again by whoever has seen them, arrive once. The copies are counted, acknowledged
/// and in nobody's way.
///
/// # Errors
/// When the check fails.
pub async fn a_replay_is_dropped_and_counted<F: Fixture>() -> Result<()> {
    let elsewhere = F::new().await?;
    let mut bare = elsewhere.bare_consumer().await?;
    let mut producer = elsewhere.producer(engine(remembering()?)?).await?;
    within("publish", producer.publish(Note::of(request()))).await??;
    let captured = next_note(&mut bare).await?;

    let fixture = F::new().await?;
    let receiving = engine(remembering()?)?;
    let mut consumer = fixture.consumer(Arc::clone(&receiving)).await?;
    let mut attacker = fixture.bare_producer().await?;
    let mut producer = fixture.producer(engine(remembering()?)?).await?;
    for _ in 0..3 {
        within("publish", attacker.publish(captured.clone())).await??;
    }
    within("publish", producer.publish(Note::of("after"))).await??;
    ensure!(next_note(&mut consumer).await?.payload == Some(request()), "not even once");
    let after = next_note(&mut consumer).await?;
    ensure!(after.payload.as_deref() == Some(b"after"), "it came again: {after:?}");
    ensure!(receiving.repeated() == 2, "counted: {}", receiving.repeated());

    // Nothing of it waits for the next consumer, to whom it would be new.
    drop(consumer);
    let mut consumer = fixture.consumer(engine(remembering()?)?).await?;
    within("publish", producer.publish(Note::of("last"))).await??;
    let last = next_note(&mut consumer).await?;
    ensure!(last.payload.as_deref() == Some(b"last"), "a copy was not acknowledged: {last:?}");
    Ok(())
}

/// What the broker delivers again because it was not acknowledged is no replay.
///
/// # Errors
/// When the check fails.
pub async fn a_redelivery_is_no_replay<F: Fixture>() -> Result<()> {
    let redelivers = F::new().await?.source().await?.capabilities().redelivers;
    let fixture = F::new().await?;
    let receiving = engine(remembering()?)?;
    let mut consumer = fixture.consumer(Arc::clone(&receiving)).await?;
    let mut producer = fixture.producer(engine(remembering()?)?).await?;
    within("publish", producer.publish(Note::of("1"))).await??;
    let first = within("a message", consumer.next()).await??;
    ensure!(matches!(first, Arrival::Opened(_)), "{first:?}");
    // Not acknowledged.
    drop(consumer);
    let mut consumer = fixture.consumer(Arc::clone(&receiving)).await?;
    if redelivers {
        let again = next_note(&mut consumer).await.context("taken for a replay")?;
        ensure!(again.payload.as_deref() == Some(b"1"), "{again:?}");
    }
    within("publish", producer.publish(Note::of("2"))).await??;
    ensure!(next_note(&mut consumer).await?.payload.as_deref() == Some(b"2"), "something else");
    ensure!(receiving.repeated() == 0, "counted: {}", receiving.repeated());
    Ok(())
}
