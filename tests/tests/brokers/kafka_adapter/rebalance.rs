//! Partitions that change hands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use m2m_engine::bus::{Receipt, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_kafka::{KafkaSource, KafkaSourceConfig, SettleError, StreamConsumer};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};

use super::{Topic, engine, number, place, take, within};

/// Notes what it is called back with.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<&'static str>>>);

impl ClientContext for Witness {}

impl ConsumerContext for Witness {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.note(rebalance, "before assign", "before revoke");
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.note(rebalance, "after assign", "after revoke");
    }
}

impl Witness {
    fn note(&self, rebalance: &Rebalance<'_>, assign: &'static str, revoke: &'static str) {
        self.0.lock().unwrap().push(match rebalance {
            Rebalance::Assign(_) => assign,
            Rebalance::Revoke(_) => revoke,
            Rebalance::Error(_) => "error",
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_of_a_wrapped_consumer_is_called_back() -> Result<()> {
    let topic = Topic::new(1).await?;
    topic.fill(1, 1).await?;
    let witness = Witness::default();
    let reader: StreamConsumer<Witness> =
        StreamConsumer::from_config_and_context(&topic.client, witness.clone(), engine()?)?;
    reader.subscribe(&[&topic.name])?;
    within("a message", reader.recv()).await??;
    assert_eq!(*witness.0.lock().unwrap(), ["before assign", "after assign"]);
    within("the consumer leaves", tokio::task::spawn_blocking(move || drop(reader))).await??;
    assert_eq!(witness.0.lock().unwrap()[2..], ["before revoke", "after revoke"]);
    Ok(())
}

/// A second source joins: what the first had settled is not given again, what it had not is given to the new owner, and what is
/// said of it afterwards is refused. An eager group takes everything away and gives half of it back; a cooperative one only
/// takes what moves.
async fn a_second_source_joins(cooperative: bool) -> Result<()> {
    const PARTITIONS: i32 = 4;
    const SENT: usize = 400;
    /// The first that is not settled in each partition; all before it are, and one behind it.
    const HOLE: i64 = 10;
    let mut topic = Topic::new(PARTITIONS).await?;
    let strategy = if cooperative { "cooperative-sticky" } else { "range" };
    topic.client.set("partition.assignment.strategy", strategy);
    topic.fill(SENT, 16).await?;
    // Out of reach, so that what is committed is committed on the occasion.
    let config =
        KafkaSourceConfig { commit_interval: Duration::from_secs(3600), ..topic.source_config() };
    let mut first = KafkaSource::new(topic.client.clone(), config)?;
    let mut held = BTreeMap::new();
    let mut open = BTreeSet::new();
    for delivery in take(&mut first, SENT).await? {
        let (partition, offset) = place(&delivery.envelope)?;
        if offset >= HOLE {
            open.insert((partition, offset));
        }
        if offset < HOLE || offset == HOLE + 5 {
            within("an ack", delivery.receipt.ack()).await??;
        } else {
            held.insert((partition, offset), delivery);
        }
    }

    let mut second = topic.source()?;
    let mut again = BTreeMap::new();
    let mut moved = BTreeSet::new();
    loop {
        let recv = async {
            tokio::select! {
                batch = first.recv() => (true, batch),
                batch = second.recv() => (false, batch),
            }
        };
        let (by_first, batch) = within("what is not settled comes again", recv).await?;
        for delivery in batch? {
            let place = place(&delivery.envelope)?;
            assert!(open.contains(&place), "{place:?} was settled");
            assert!(!(cooperative && by_first), "{place:?} had not moved");
            again.insert(place, delivery);
            if !by_first {
                moved.insert(place.0);
            }
        }
        open.retain(|place| !again.contains_key(place));
        let left = open.iter().filter(|place| !cooperative || moved.contains(&place.0)).count();
        if moved.len() == 2 && left == 0 {
            break;
        }
    }

    for ((partition, offset), delivery) in held {
        let result = within("an ack", delivery.receipt.ack()).await?;
        if cooperative && !moved.contains(&partition) {
            result.with_context(|| format!("{partition}/{offset} did not move"))?;
        } else {
            let error = result.err().context("an ack counted that is out of date")?;
            assert!(matches!(error, SettleError::Revoked { offset: o, .. } if o == offset));
            assert_eq!(error.transience(), Transience::Permanent);
        }
    }
    for delivery in again.into_values() {
        within("an ack", delivery.receipt.ack()).await??;
    }
    within("the first closes", first.close()).await??;
    within("the second closes", second.close()).await??;
    let committed = topic.committed(PARTITIONS).await?;
    assert_eq!(committed.values().sum::<i64>(), SENT as i64, "{committed:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eager_group_changes_hands_without_loss() -> Result<()> {
    a_second_source_joins(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cooperative_group_changes_hands_without_loss() -> Result<()> {
    a_second_source_joins(true).await
}

/// Members come and go while messages flow: every message is settled by somebody.
#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_and_go_lose_nothing() -> Result<()> {
    const SENT: usize = 2000;
    let topic = Topic::new(4).await?;
    topic.fill(SENT, 16).await?;
    let seen = Mutex::new(BTreeSet::new());
    // Small, so that nobody takes everything at once.
    let source = || {
        KafkaSource::new(
            topic.client.clone(),
            KafkaSourceConfig { window: 50, ..topic.source_config() },
        )
    };
    let mut stays = source()?;
    let settle = async |source: &mut KafkaSource, limit: usize| -> Result<()> {
        let mut settled = 0;
        while settled < limit && seen.lock().unwrap().len() < SENT {
            for delivery in within("messages", source.recv()).await?? {
                let number = number(&delivery.envelope)?;
                // Refused where the partition has moved on; then the message comes again.
                if within("an ack", delivery.receipt.ack()).await?.is_ok() {
                    seen.lock().unwrap().insert(number);
                }
                settled += 1;
            }
        }
        Ok(())
    };
    settle(&mut stays, 100).await?;
    let mut guest = source()?;
    settle(&mut guest, 100).await?;
    within("the guest closes", guest.close()).await??;
    let mut guest = source()?;
    settle(&mut guest, 100).await?;
    drop(guest);
    settle(&mut stays, usize::MAX).await?;
    within("the source closes", stays.close()).await??;
    assert_eq!(seen.lock().unwrap().len(), SENT);
    let total: i64 = topic.committed(4).await?.values().sum();
    assert_eq!(total, SENT as i64);
    Ok(())
}
