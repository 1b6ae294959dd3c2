//! What was not acknowledged comes again, where the source says so, and only there.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use m2m_engine::bus::{Receipt, Sink, Source};

use super::Fixture;
use super::inbox::{Inbox, number, numbered, send, within};

/// A message that is refused comes again; its neighbours do not.
///
/// # Errors
/// When the check fails.
pub async fn redelivery_after_nack<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let source = fixture.source().await?;
    let redelivers = source.capabilities().redelivers;
    let mut inbox = Inbox::new(source);
    let mut sink = fixture.sink().await?;
    send_numbers(&fixture, &mut sink, 0..3).await?;
    let mut refused = None;
    for (expected, delivery) in inbox.take(3).await?.into_iter().enumerate() {
        ensure!(number(&delivery.envelope)? == expected, "not in order: {:?}", delivery.envelope);
        if expected == 1 {
            within("nack", delivery.receipt.nack()).await??;
            refused = Some(delivery.envelope);
        } else {
            within("ack", delivery.receipt.ack()).await??;
        }
    }
    if redelivers {
        for _ in 0..2 {
            let again = inbox.take(1).await?;
            for delivery in again {
                ensure!(
                    Some(&delivery.envelope) == refused.as_ref(),
                    "came again changed: {:?}",
                    delivery.envelope
                );
                within("nack", delivery.receipt.nack()).await??;
            }
        }
        ensure!(Some(&inbox.take_one().await?) == refused.as_ref(), "changed");
    } else {
        inbox.expect_silence().await?;
    }
    // Whatever the answer, nothing is left over and the source goes on.
    send_numbers(&fixture, &mut sink, 3..4).await?;
    ensure!(number(&inbox.take_one().await?)? == 3, "one came once too often");
    inbox.expect_silence().await
}

/// A source goes down with messages unacknowledged: the next one gets them.
///
/// # Errors
/// When the check fails.
pub async fn redelivery_after_crash<F: Fixture>() -> Result<()> {
    const SENT: usize = 10;
    const ACKNOWLEDGED: usize = 4;
    let fixture = F::new().await?;
    let source = fixture.source().await?;
    let redelivers = source.capabilities().redelivers;
    let mut inbox = Inbox::new(source);
    let mut sink = fixture.sink().await?;
    send_numbers(&fixture, &mut sink, 0..SENT).await?;
    let mut deliveries = inbox.take(SENT).await?;
    for delivery in deliveries.drain(..ACKNOWLEDGED) {
        within("ack", delivery.receipt.ack()).await??;
    }
    // No close, no settling: as if the process were gone.
    drop(deliveries);
    drop(inbox);

    let mut inbox = Inbox::new(fixture.source().await?);
    if redelivers {
        // Acknowledgements that had not reached the broker may be lost with the crash, so those may come again as well.
        let mut missing: BTreeSet<usize> = (ACKNOWLEDGED..SENT).collect();
        while !missing.is_empty() {
            missing.remove(&number(&inbox.take_one().await?)?);
        }
    }
    send_numbers(&fixture, &mut sink, SENT..SENT + 1).await?;
    loop {
        match number(&inbox.take_one().await?)? {
            SENT => break,
            other => ensure!(redelivers, "{other} came again, which its capabilities deny"),
        }
    }
    inbox.expect_silence().await
}

async fn send_numbers<F: Fixture>(
    fixture: &F,
    sink: &mut impl Sink,
    numbers: std::ops::Range<usize>,
) -> Result<()> {
    for n in numbers {
        send(sink, numbered(&fixture.address(), n)).await?;
    }
    Ok(())
}
