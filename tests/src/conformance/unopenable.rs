//! Messages that begin as a frame does and are none.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use m2m_engine::bus::Source;

use super::inbox::{Inbox, next_note, within};
use super::payloads::{engine, frames, request};
use super::{Arrival, Consumer, Fixture, Note, Producer};

const SECRET: &str = "the-payload-itself";

/// An unopenable message arrives as an error that carries it as it came and tells nothing of what is in it; it can be sent on
/// as a dead letter, and acknowledged, and then stands in nobody's way.
///
/// # Errors
/// When the check fails.
pub async fn unopenable_messages_arrive_as_errors<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(engine()?).await?;
    let mut producer = fixture.bare_producer().await?;
    let dead_letters = F::new().await?;
    let mut dead_letter_consumer = dead_letters.bare_consumer().await?;
    let mut dead_letter_producer = dead_letters.bare_producer().await?;

    for bad in damaged()? {
        within("publish", producer.publish(Note::of(bad.clone()))).await??;
        let arrival = within("the damaged message arrives", consumer.next()).await??;
        let Arrival::Unopenable { raw, by_engine, text } = arrival else {
            bail!("opened: {arrival:?}");
        };
        ensure!(raw.as_ref() == Some(&bad), "the error carries other bytes");
        ensure!(by_engine, "the engine's error is not its source: {text}");
        ensure!(!text.contains(SECRET), "the error tells the payload: {text}");

        within("publish", dead_letter_producer.publish(Note { payload: raw, ..Note::default() }))
            .await??;
        let dead = next_note(&mut dead_letter_consumer).await?;
        ensure!(dead.payload == Some(bad), "the dead letter has other bytes");
        within("acknowledge", consumer.ack()).await??;

        within("publish", producer.publish(Note::of(request()))).await??;
        let good = next_note(&mut consumer).await?;
        ensure!(good.payload == Some(request()), "the next one is damaged");
    }

    // What was acknowledged stays so: nothing of it waits for the next consumer.
    drop(consumer);
    let mut consumer = fixture.consumer(engine()?).await?;
    within("publish", producer.publish(Note::of("last"))).await??;
    let last = next_note(&mut consumer).await?;
    ensure!(last.payload.as_deref() == Some(b"last"), "redelivered: {last:?}");

    // The link does not open, so that a relay passes such a message on as it is.
    let fixture = F::new().await?;
    let source = fixture.source().await?;
    let redelivers = source.capabilities().redelivers;
    let mut inbox = Inbox::new(source);
    let mut producer = fixture.bare_producer().await?;
    let bad = damaged()?.pop().context("none is damaged")?;
    within("publish", producer.publish(Note::of(bad.clone()))).await??;
    let raw = inbox.take_one().await?;
    ensure!(raw.payload == Some(bad), "the link changed it");
    if redelivers {
        inbox.expect_silence().await?;
    }
    Ok(())
}

fn damaged() -> Result<Vec<Bytes>> {
    let mut damaged = vec![
        Bytes::from(format!("#M2M|1|{SECRET}")),
        Bytes::from(format!("#TK|C|{SECRET}!")),
        Bytes::from(format!("#M2M[v3.0]|DATA:{SECRET}!")),
        Bytes::from_static(b"#M2M|1|"),
    ];
    for (_, frame) in frames()? {
        damaged.push(frame.slice(..frame.len() - 3));
    }
    Ok(damaged)
}
