//! The broker goes away under a source and a sink.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use m2m_amqp::link::{
    ExchangeSink, ExchangeSinkConfig, QueueReceipt, QueueSource, QueueSourceConfig, SinkError,
};
use m2m_engine::bus::{Delivery, Receipt, Sink, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_tests::harness::{Rabbit, RabbitOptions};
use tokio::sync::watch;
use tokio::time::timeout;

use super::link::to;
use super::{DEADLINE, bare_at};

const QUEUE: &str = "survives";
const COUNT: usize = 4_000;

/// Killed once and stopped once, with messages on their way into it and out of it: none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_broker_goes_and_comes_back() -> Result<()> {
    let mut rabbit = Rabbit::start().await?;
    let (connection, channel) = bare_at(rabbit.url()).await?;
    channel
        .queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), FieldTable::default())
        .await?;
    drop((channel, connection));
    let config = QueueSourceConfig { queue: QUEUE.to_owned(), ..QueueSourceConfig::default() };
    let source = QueueSource::connect(rabbit.url(), config).await?;
    let sink = ExchangeSink::connect(rabbit.url(), ExchangeSinkConfig::default()).await?;
    let (seen, mut progress) = watch::channel(0);
    let sending = tokio::spawn(send_all(sink, progress.clone()));
    let receiving = tokio::spawn(receive_all(source, seen));

    progress.wait_for(|came| *came > COUNT / 4).await?;
    rabbit.kill().await?;
    rabbit.start_again().await?;
    progress.wait_for(|came| *came > COUNT / 2).await?;
    rabbit.stop().await?;
    rabbit.start_again().await?;

    let failures = timeout(DEADLINE, sending).await???;
    let lost_acks = timeout(DEADLINE, receiving).await???;
    assert!(failures > 0, "no send met an outage");
    println!("{failures} sends failed, {lost_acks} acknowledgements were lost");
    Ok(())
}

/// A broker that is short of memory confirms nothing and reads nothing more from those who publish.
#[tokio::test]
async fn a_broker_that_blocks_is_not_waited_for_without_end() -> Result<()> {
    let config = "vm_memory_high_watermark.absolute = 1MB".to_owned();
    let rabbit = Rabbit::start_with(RabbitOptions { config }).await?;
    let (_connection, channel) = bare_at(rabbit.url()).await?;
    channel
        .queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), FieldTable::default())
        .await?;
    let short = Duration::from_millis(200);
    let config = ExchangeSinkConfig {
        confirm_timeout: short,
        max_in_flight: 2,
        ..ExchangeSinkConfig::default()
    };
    let mut sink = ExchangeSink::connect(rabbit.url(), config).await?;
    for payload in ["1", "2"] {
        let confirmation = timeout(DEADLINE, sink.send(to(QUEUE, payload))).await??;
        let error = timeout(DEADLINE, confirmation).await?.expect_err("the broker is blocked");
        assert!(matches!(error, SinkError::NotConfirmed { waited } if waited == short));
        assert_eq!(error.transience(), Transience::Transient);
    }
    // Both keep their places: what is not taken by the broker does not pile up.
    assert!(timeout(short, sink.send(to(QUEUE, "3"))).await.is_err(), "a third one in flight");
    let error = timeout(DEADLINE, sink.close()).await?.expect_err("nothing was confirmed");
    assert!(matches!(error, SinkError::Unfinished { count: 2 }), "{error:?}");
    Ok(())
}

/// Sends the numbers in order, again from the first unconfirmed one after a failure, and never far ahead of the receiver, so that an
/// outage always meets it. How many sends failed.
async fn send_all(mut sink: ExchangeSink, mut progress: watch::Receiver<usize>) -> Result<usize> {
    const WINDOW: usize = 100;
    const AHEAD: usize = 500;
    let (mut first, mut repeated) = (0, 0);
    while first < COUNT {
        timeout(DEADLINE, progress.wait_for(|came| came + AHEAD > first)).await??;
        let mut confirmations = Vec::new();
        let window = first..COUNT.min(first + WINDOW);
        for number in window {
            match sink.send(to(QUEUE, number.to_string())).await {
                Ok(confirmation) => confirmations.push(confirmation),
                Err(error) => {
                    assert_eq!(error.transience(), Transience::Transient, "{error:?}");
                    repeated += 1;
                    break;
                }
            }
        }
        let mut failed = confirmations.is_empty();
        for confirmation in confirmations {
            match confirmation.await {
                Ok(()) if !failed => first += 1,
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error.transience(), Transience::Transient, "{error:?}");
                    failed = true;
                    repeated += 1;
                }
            }
        }
        if failed {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    sink.close().await?;
    Ok(repeated)
}

/// Receives until every number has come and was acknowledged. How many acknowledgements failed.
async fn receive_all(mut source: QueueSource, seen: watch::Sender<usize>) -> Result<usize> {
    let (mut missing, mut failed): (BTreeSet<usize>, usize) = ((0..COUNT).collect(), 0);
    while !missing.is_empty() {
        match timeout(DEADLINE, source.recv()).await? {
            Ok(batch) => {
                for Delivery { envelope, receipt } in batch {
                    let number = number(&envelope.payload)?;
                    if ack(receipt).await {
                        missing.remove(&number);
                    } else {
                        failed += 1;
                    }
                }
                seen.send_replace(COUNT - missing.len());
            }
            Err(error) => {
                assert_eq!(error.transience(), Transience::Transient, "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    source.close().await?;
    Ok(failed)
}

async fn ack(receipt: QueueReceipt) -> bool {
    match receipt.ack().await {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.transience(), Transience::Transient, "{error:?}");
            false
        }
    }
}

fn number(payload: &Option<bytes::Bytes>) -> Result<usize> {
    Ok(std::str::from_utf8(payload.as_deref().unwrap_or_default())?.parse()?)
}
