//! Messages near the largest that goes.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use m2m_engine::bus::{Envelope, Sink};
use m2m_engine::error::{Classify, Transience};

use super::inbox::{Inbox, next_note, send, within};
use super::payloads::{engine, noise};
use super::{Fixture, Note, Producer};

const MARGIN: usize = 4096;

/// The limit is the broker's, and judged on what really goes out: the frame.
///
/// # Errors
/// When the check fails.
pub async fn large_messages<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(engine()?).await?;
    let mut producer = fixture.producer(engine()?).await?;

    let fits = noise(F::MAX_PAYLOAD - MARGIN, 1);
    within("publish", producer.publish(Note::of(fits.clone()))).await??;
    let got = next_note(&mut consumer).await?;
    ensure!(got.payload.as_ref() == Some(&fits), "a large payload was changed");

    let too_long = noise(F::MAX_PAYLOAD + MARGIN, 2);
    expect_too_large(&mut producer, too_long.clone()).await?;

    // The limit of the engine itself is on the payload; below it, only the frame counts.
    if F::MAX_PAYLOAD < (8 << 20) {
        let shrinks = Bytes::from("all work and no play ".repeat(F::MAX_PAYLOAD / 10));
        ensure!(shrinks.len() > F::MAX_PAYLOAD, "not long enough to tell");
        within("publish", producer.publish(Note::of(shrinks.clone()))).await??;
        let got = next_note(&mut consumer).await?;
        ensure!(got.payload == Some(shrinks), "a payload that fits framed was changed");

        // Framed it is half as long, and still too long: what comes back is not the frame.
        let half = noise(F::MAX_PAYLOAD + F::MAX_PAYLOAD / 4, 3);
        let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
        expect_too_large(&mut producer, hex.into()).await?;
    }

    // The producer still works after a refusal.
    within("publish", producer.publish(Note::of("after"))).await??;
    let got = next_note(&mut consumer).await?;
    ensure!(got.payload.as_deref() == Some(b"after"), "something else came");
    large_envelopes::<F>(fits, too_long).await
}

async fn expect_too_large(producer: &mut impl Producer, payload: Bytes) -> Result<()> {
    let len = payload.len();
    let outcome = within("publish", producer.publish(Note::of(payload.clone()))).await?;
    let rejected = outcome.err().with_context(|| format!("{len} bytes went"))?;
    ensure!(rejected.too_large, "the error does not say so: {}", rejected.text);
    ensure!(rejected.payload == Some(payload), "the error gives back something else");
    Ok(())
}

async fn large_envelopes<F: Fixture>(fits: Bytes, too_long: Bytes) -> Result<()> {
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    let envelope = |payload: &Bytes| Envelope {
        address: fixture.address(),
        payload: Some(payload.clone()),
        ..Envelope::default()
    };
    send(&mut sink, envelope(&fits)).await?;
    ensure!(inbox.take_one().await?.payload == Some(fits), "changed by the link");

    // 16 MiB is the limit of the engine, which a link has no part in.
    if F::MAX_PAYLOAD < (16 << 20) {
        let outcome = match within("the sink answers", sink.send(envelope(&too_long))).await? {
            Ok(confirmation) => within("the broker answers", confirmation).await?,
            Err(error) => Err(error),
        };
        let Err(error) = outcome else {
            bail!("too long, and sent");
        };
        ensure!(error.transience() == Transience::Permanent, "trying again does not help: {error}");
    }
    Ok(())
}
