//! Closing, with work under way.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use m2m_engine::bus::{Receipt, Sink, Source};

use super::Fixture;
use super::inbox::{Inbox, number, numbered, send, within};

/// A sink is closed while confirmations are pending: all that it took arrives, and is confirmed.
///
/// # Errors
/// When the check fails.
pub async fn closing_the_sink_loses_nothing<F: Fixture>() -> Result<()> {
    const SENT: usize = 500;
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    let mut confirmations = Vec::new();
    for n in 0..SENT {
        let envelope = numbered(&fixture.address(), n);
        confirmations.push(within("the sink takes a message", sink.send(envelope)).await??);
    }
    within("the sink closes", sink.close()).await??;
    for confirmation in confirmations {
        within("a confirmation after closing", confirmation).await??;
    }
    for expected in 0..SENT {
        let came = number(&inbox.take_one().await?)?;
        ensure!(came == expected, "{came} came in the place of {expected}");
    }
    Ok(())
}

/// A source is closed with messages taken and not acknowledged: the next one gets exactly these.
///
/// # Errors
/// When the check fails.
pub async fn closing_the_source_loses_nothing<F: Fixture>() -> Result<()> {
    const SENT: usize = 100;
    const ACKNOWLEDGED: usize = 40;
    let fixture = F::new().await?;
    let source = fixture.source().await?;
    let redelivers = source.capabilities().redelivers;
    let mut inbox = Inbox::new(source);
    let mut sink = fixture.sink().await?;
    for n in 0..SENT {
        send(&mut sink, numbered(&fixture.address(), n)).await?;
    }
    let mut held = inbox.take(ACKNOWLEDGED + 20).await?;
    for delivery in held.drain(..ACKNOWLEDGED) {
        within("ack", delivery.receipt.ack()).await??;
    }
    let (source, unread) = inbox.into_parts();
    within("the source closes", source.close()).await??;
    drop((held, unread));

    let mut inbox = Inbox::new(fixture.source().await?);
    let mut came = BTreeSet::new();
    if redelivers {
        while came.len() < SENT - ACKNOWLEDGED {
            came.insert(number(&inbox.take_one().await?)?);
        }
        let expected: BTreeSet<usize> = (ACKNOWLEDGED..SENT).collect();
        ensure!(came == expected, "acknowledged, and given again: {came:?}");
    }
    send(&mut sink, numbered(&fixture.address(), SENT)).await?;
    ensure!(number(&inbox.take_one().await?)? == SENT, "one came once too often");
    inbox.expect_silence().await
}
