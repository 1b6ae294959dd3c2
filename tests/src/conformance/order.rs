//! Order, with many messages on their way at once and with a receiver that keeps changing its mind.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use m2m_engine::bus::{Address, Delivery, Receipt, Sink, Source};

use super::Fixture;
use super::inbox::{number, numbered, within};

/// 5,000 messages, up to 256 of them unconfirmed, arrive in the order of the calls.
///
/// # Errors
/// When the check fails.
pub async fn order_is_kept_with_many_sends_in_flight<F: Fixture>() -> Result<()> {
    const SENT: usize = 5000;
    const IN_FLIGHT: usize = 256;
    let fixture = F::new().await?;
    let mut source = fixture.source().await?;
    let sink = fixture.sink().await?;
    let sending = tokio::spawn(send_all(sink, fixture.address(), SENT, IN_FLIGHT));

    let mut expected = 0;
    while expected < SENT {
        let batch = within("the source gives messages", source.recv()).await??;
        let mut receipts = Vec::new();
        for Delivery { envelope, receipt } in batch {
            let came = number(&envelope)?;
            ensure!(came == expected, "{came} came in the place of {expected}");
            expected += 1;
            receipts.push(receipt.ack());
        }
        within("acknowledge a batch", try_join_all(receipts)).await??;
    }
    within("the sender ends", sending).await??
}

async fn send_all<S: Sink>(
    mut sink: S,
    address: Address,
    count: usize,
    in_flight: usize,
) -> Result<()> {
    let mut unconfirmed = VecDeque::new();
    for n in 0..count {
        let taken = within("the sink takes a message", sink.send(numbered(&address, n)));
        unconfirmed.push_back(taken.await??);
        if unconfirmed.len() == in_flight {
            let oldest = unconfirmed.pop_front().context("nothing in flight")?;
            within("a confirmation", oldest).await??;
        }
    }
    for confirmation in unconfirmed {
        within("a confirmation", confirmation).await??;
    }
    within("the sink closes", sink.close()).await??;
    Ok(())
}

/// `recv` is dropped again and again, with a message on its way and without: none is lost, none comes twice or out of order.
///
/// # Errors
/// When the check fails.
pub async fn recv_is_cancel_safe<F: Fixture>() -> Result<()> {
    const SENT: usize = 300;
    let fixture = F::new().await?;
    let mut source = fixture.source().await?;
    let mut sink = fixture.sink().await?;
    let mut came = Vec::new();
    let mut cancelled = 0;
    for n in 0..SENT {
        let confirmation = within("send", sink.send(numbered(&fixture.address(), n))).await??;
        // The first wait races with the message, the second one meets an empty source, as a rule.
        for _ in 0..2 {
            tokio::select! {
                batch = source.recv() => take(batch?, &mut came).await?,
                () = tokio::time::sleep(Duration::from_millis(1)) => cancelled += 1,
            }
        }
        within("a confirmation", confirmation).await??;
    }
    while came.len() < SENT {
        take(within("what is left", source.recv()).await??, &mut came).await?;
    }
    let expected: Vec<usize> = (0..SENT).collect();
    ensure!(came == expected, "lost, doubled or out of order: {came:?}");
    ensure!(cancelled >= SENT / 2, "recv was cancelled {cancelled} times only");
    Ok(())
}

async fn take<R: Receipt>(batch: Vec<Delivery<R>>, came: &mut Vec<usize>) -> Result<()> {
    for Delivery { envelope, receipt } in batch {
        came.push(number(&envelope)?);
        within("acknowledge", receipt.ack()).await??;
    }
    Ok(())
}
