//! A broker that dies and comes back under both links.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use anyhow::{Context, Result};
use m2m_engine::bus::{Receipt, Sink, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_kafka::{Confirmation, KafkaSink, KafkaSource};
use m2m_tests::harness::Kafka;
use tokio::sync::watch;

use super::{Topic, number, within};

const SENT: usize = 3000;
const KEYS: usize = 5;
/// Not confirmed at once.
const IN_FLIGHT: usize = 200;
/// How far the sender may be ahead of the receiver, so that the broker dies with traffic left to do.
const AHEAD: usize = 400;

/// Killed in the middle of the traffic and started again: nothing is lost, and judged on last copies every key is in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_loses_nothing() -> Result<()> {
    let mut kafka = Kafka::start().await?;
    let topic = Topic::on(&kafka, 3).await?;
    let (tell, told) = watch::channel(0);
    let mut sink = topic.sink()?;
    let mut source = topic.source()?;
    let sending = async {
        send_all(&topic, &mut sink, told.clone()).await?;
        within("the sink closes", sink.close()).await??;
        anyhow::Ok(())
    };
    let receiving = async {
        let last_copies = receive_all(&mut source, |count| tell.send_replace(count)).await?;
        within("the source closes", source.close()).await??;
        anyhow::Ok(last_copies)
    };
    let mut killed = told.clone();
    let killing = async {
        for part in [SENT / 4, SENT / 2] {
            within("traffic", killed.wait_for(|count| *count >= part)).await??;
            kafka.kill().await?;
            assert!(*killed.borrow() < SENT, "killed when all was done");
            kafka.start_again().await?;
        }
        anyhow::Ok(())
    };
    let ((), last_copies, ()) = tokio::try_join!(sending, receiving, killing)?;
    for (key, numbers) in last_copies {
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(numbers, sorted, "key {key}");
        assert_eq!(numbers.len(), SENT / KEYS, "key {key}");
    }
    let committed = topic.committed(3).await?.values().sum::<i64>();
    assert!(committed >= SENT as i64, "{committed}");
    Ok(())
}

/// As the relay does it: after a failure everything from the first unconfirmed message on is sent again.
async fn send_all(
    topic: &Topic,
    sink: &mut KafkaSink,
    mut received: watch::Receiver<usize>,
) -> Result<()> {
    let mut pending: VecDeque<(usize, Confirmation)> = VecDeque::new();
    let mut next = 0;
    while next < SENT || !pending.is_empty() {
        if next < SENT && pending.len() < IN_FLIGHT {
            let enough = received.wait_for(|count| count + AHEAD > next);
            within("the receiver catches up", enough).await??;
            match within("a message is sent", sink.send(topic.numbered(next, KEYS))).await? {
                Ok(confirmation) => pending.push_back((next, confirmation)),
                Err(error) => {
                    assert_eq!(error.transience(), Transience::Transient, "{error:?}");
                    next = pending.front().map_or(next, |(number, _)| *number);
                    pending.clear();
                    tokio::time::sleep(Duration::from_millis(100)).await; // the back-off of a relay
                    continue;
                }
            }
            next += 1;
            continue;
        }
        let (number, confirmation) = pending.pop_front().context("nothing is pending")?;
        if let Err(error) = within("a confirmation", confirmation).await? {
            assert_eq!(error.transience(), Transience::Transient, "{error:?}");
            next = number;
            pending.clear();
        }
    }
    Ok(())
}

/// Acknowledges everything, until all numbers came and their last copies are in order; the numbers of each key, by last copy.
async fn receive_all(
    source: &mut KafkaSource,
    count: impl Fn(usize) -> usize,
) -> Result<BTreeMap<usize, Vec<usize>>> {
    let mut arrivals: BTreeMap<usize, usize> = BTreeMap::new();
    let mut clock = 0;
    while arrivals.len() < SENT {
        let batch = match within("messages", source.recv()).await? {
            Ok(batch) => batch,
            Err(error) => {
                assert_eq!(error.transience(), Transience::Transient, "{error:?}");
                continue;
            }
        };
        for delivery in batch {
            clock += 1;
            arrivals.insert(number(&delivery.envelope)?, clock);
            // Refused where the group has been rebalanced; then the message comes again.
            let _ = within("an ack", delivery.receipt.ack()).await?;
        }
        count(arrivals.len());
    }
    let mut by_arrival: Vec<_> = arrivals.into_iter().map(|(number, at)| (at, number)).collect();
    by_arrival.sort_unstable();
    let mut keys = BTreeMap::<usize, Vec<usize>>::new();
    for (_, number) in by_arrival {
        keys.entry(number % KEYS).or_default().push(number);
    }
    Ok(keys)
}
