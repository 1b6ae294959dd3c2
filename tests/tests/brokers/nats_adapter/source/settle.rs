//! Settling: order, long work, crashes.

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::consumer::pull;
use futures_util::StreamExt;
use m2m_engine::bus::{Receipt, Source};
use m2m_nats::link::{StreamSource, StreamSourceConfig};

use super::{ACK_WAIT, Setup, number, numbers, take, within};

#[tokio::test]
async fn work_that_takes_longer_than_the_server_waits_is_not_delivered_again() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..1).await?;
    let mut source = setup.source();
    let held = take(&mut source, 1).await?.remove(0);
    // Nobody keeps this one alive: when it has come three times, the other one would have come again as well.
    let config = pull::Config { ack_wait: ACK_WAIT, ..pull::Config::default() };
    let other = setup.context.create_consumer_on_stream(config, &setup.stream).await?;
    let mut forgotten = other.messages().await?;
    for _ in 0..3 {
        drop(within("a redelivery", forgotten.next()).await?.context("ended")??);
    }
    let info = setup.info().await;
    ensure!(info.num_redelivered == 0 && info.num_ack_pending == 1, "{info:?}");
    within("an acknowledgement", held.receipt.ack()).await??;
    ensure!(setup.info().await.num_ack_pending == 0, "confirmed, and not done");
    Ok(())
}

#[tokio::test]
async fn a_dropped_receipt_comes_again() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..2).await?;
    let mut source = setup.source();
    let mut came = take(&mut source, 2).await?;
    within("an acknowledgement", came.remove(1).receipt.ack()).await??;
    drop(came);
    ensure!(numbers(&mut source, 1).await? == [0]);
    Ok(())
}

#[tokio::test]
async fn after_a_crash_the_order_is_that_of_the_stream() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..10).await?;
    let mut source = setup.source();
    let mut came = take(&mut source, 10).await?;
    for delivery in came.drain(..4) {
        within("an acknowledgement", delivery.receipt.ack()).await??;
    }
    drop((came, source));
    setup.publish(10..20).await?;
    let mut source = setup.source();
    let came = numbers(&mut source, 16).await?;
    ensure!(came == (4..20).collect::<Vec<_>>(), "{came:?}");

    // Where the order does not matter, nothing waits.
    setup.publish(20..21).await?;
    drop((take(&mut source, 1).await?, source));
    setup.publish(21..22).await?;
    let hasty = StreamSourceConfig { keep_order: false, ..setup.config() };
    let mut source = StreamSource::new(setup.context.clone(), hasty);
    ensure!(numbers(&mut source, 2).await? == [21, 20]);
    Ok(())
}

#[tokio::test]
async fn what_was_deleted_meanwhile_is_not_waited_for_without_end() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..3).await?;
    let mut source = setup.source();
    drop((take(&mut source, 3).await?, source));
    setup.context.get_stream(&setup.stream).await?.purge().sequence(3).await?;
    setup.publish(3..5).await?;
    let mut source = setup.source();
    ensure!(numbers(&mut source, 3).await? == [2, 3, 4]);
    Ok(())
}

#[tokio::test]
async fn acknowledgements_reach_the_server_in_the_streams_order() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..4).await?;
    let mut source = setup.source();
    let mut came = take(&mut source, 4).await?;
    let mut ack = async |index: usize| {
        within("it", came.remove(index).receipt.ack()).await?.map_err(anyhow::Error::from)
    };
    ack(3).await?;
    ack(1).await?;
    ensure!(setup.info().await.num_ack_pending == 4, "the first one is still in work");
    ack(0).await?;
    ensure!(setup.info().await.ack_floor.stream_sequence == 2, "the first two are done with");
    // The third one is given up: the fourth need not wait for it.
    drop(came);
    let again = take(&mut source, 1).await?.remove(0);
    ensure!(number(&again) == 2);
    source.close().await?;
    ensure!(setup.info().await.num_ack_pending == 1, "the fourth one was given, and is not done");
    Ok(())
}

#[tokio::test]
async fn unordered_acknowledgements_wait_for_nobody() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..3).await?;
    let config = StreamSourceConfig { keep_order: false, ..setup.config() };
    let mut source = StreamSource::new(setup.context.clone(), config);
    let mut came = take(&mut source, 3).await?;
    within("an acknowledgement", came.remove(2).receipt.ack()).await??;
    ensure!(setup.info().await.num_ack_pending == 2);
    Ok(())
}
