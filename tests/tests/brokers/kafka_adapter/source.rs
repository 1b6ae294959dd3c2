//! The link's source.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use m2m_engine::bus::{Receipt, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_kafka::{CreateError, KafkaSource, KafkaSourceConfig, SourceError};
use m2m_tests::harness::{Kafka, eventually, unique};
use rdkafka::ClientConfig;

use super::{Topic, client, number, place, take, within};

/// Settled in any order: the next source begins at the first message of each partition that is not settled, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn redelivery_begins_at_the_first_unsettled() -> Result<()> {
    const PARTITIONS: i32 = 3;
    const SENT: usize = 300;
    let topic = Topic::new(PARTITIONS).await?;
    topic.fill(SENT, 12).await?;
    let mut source = topic.source()?;
    let mut deliveries = take(&mut source, SENT).await?;
    // A fixed shuffle, and one in ten is never settled.
    deliveries.sort_by_key(|d| number(&d.envelope).unwrap_or_default().wrapping_mul(7919) % 1009);
    let mut open = BTreeMap::new();
    for (index, delivery) in deliveries.into_iter().enumerate() {
        let (partition, offset) = place(&delivery.envelope)?;
        if index % 10 == 3 {
            let first = open.entry(partition).or_insert(offset);
            *first = offset.min(*first);
        } else {
            within("an ack", delivery.receipt.ack()).await??;
        }
    }
    assert_eq!(open.len(), PARTITIONS as usize, "each partition has one open");
    // Committed by the interval, long before the source ends.
    eventually("the marks are committed", async || {
        topic.committed(PARTITIONS).await.is_ok_and(|committed| committed == open)
    })
    .await;
    drop(source); // no close, as in a crash

    let mut ends = BTreeMap::new();
    let mut source = topic.source()?;
    let left = |ends: &BTreeMap<i32, i64>| SENT as i64 - ends.values().sum::<i64>();
    while left(&ends) > 0 {
        for delivery in within("messages", source.recv()).await?? {
            let (partition, offset) = place(&delivery.envelope)?;
            let next = ends.entry(partition).or_insert(open[&partition]);
            assert_eq!(offset, *next, "in partition {partition}");
            *next += 1;
            within("an ack", delivery.receipt.ack()).await??;
        }
    }
    within("the source closes", source.close()).await??;
    assert_eq!(topic.committed(PARTITIONS).await?, ends);
    Ok(())
}

/// A nacked message holds the mark, comes again, and comes again after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_nack_holds_the_mark() -> Result<()> {
    let topic = Topic::new(1).await?;
    topic.fill(5, 1).await?;
    let mut source = topic.source()?;
    for delivery in take(&mut source, 5).await? {
        match number(&delivery.envelope)? {
            2 => within("a nack", delivery.receipt.nack()).await??,
            _ => within("an ack", delivery.receipt.ack()).await??,
        }
    }
    let again = take(&mut source, 1).await?.remove(0);
    assert_eq!(number(&again.envelope)?, 2);
    within("a nack", again.receipt.nack()).await??;
    within("the source closes", source.close()).await??;
    assert_eq!(topic.committed(1).await?[&0], 2);

    let mut source = topic.source()?;
    for (delivery, expected) in take(&mut source, 3).await?.into_iter().zip(2..) {
        assert_eq!(number(&delivery.envelope)?, expected);
        within("an ack", delivery.receipt.ack()).await??;
    }
    within("the source closes", source.close()).await??;
    assert_eq!(topic.committed(1).await?[&0], 5);
    Ok(())
}

/// No more than the window is handed out; a relay that takes longer than `max.poll.interval.ms` over it stays in the group and
/// goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_window_neither_grows_nor_leaves_the_group() -> Result<()> {
    const SENT: usize = 100;
    const WINDOW: usize = 10;
    let topic = Topic::new(2).await?;
    topic.fill(SENT, 8).await?;
    let mut client = topic.with("max.poll.interval.ms", "6000");
    client.set("session.timeout.ms", "6000");
    let config = KafkaSourceConfig { window: WINDOW, ..topic.source_config() };
    let mut source = KafkaSource::new(client, config)?;
    let held = take(&mut source, WINDOW).await?;
    // Slow work, not a wait for something: nothing may come during it.
    let more = tokio::time::timeout(Duration::from_secs(8), source.recv()).await;
    assert!(more.is_err(), "{more:?}");
    let mut seen = BTreeMap::new();
    for delivery in held {
        *seen.entry(number(&delivery.envelope)?).or_insert(0) += 1;
        within("an ack", delivery.receipt.ack()).await?.context("it left the group")?;
    }
    while seen.len() < SENT {
        let batch = within("messages", source.recv()).await??;
        assert!(batch.len() <= WINDOW, "{}", batch.len());
        for delivery in batch {
            *seen.entry(number(&delivery.envelope)?).or_insert(0) += 1;
            within("an ack", delivery.receipt.ack()).await??;
        }
    }
    assert!(seen.values().all(|times| *times == 1), "some came twice: {seen:?}");
    within("the source closes", source.close()).await??;
    assert_eq!(topic.committed(2).await?.values().sum::<i64>(), SENT as i64);
    Ok(())
}

/// Bytes bound the window too.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_bounded_in_bytes() -> Result<()> {
    const SENT: usize = 50;
    let topic = Topic::new(1).await?;
    topic.fill(SENT, 1).await?;
    let config = KafkaSourceConfig { window_bytes: 20, ..topic.source_config() };
    let mut source = KafkaSource::new(topic.client.clone(), config)?;
    let mut next = 0;
    while next < SENT {
        let batch = within("messages", source.recv()).await??;
        // Key and payload are 6 or 7 bytes.
        assert!(batch.len() <= 4, "{}", batch.len());
        for delivery in batch {
            assert_eq!(number(&delivery.envelope)?, next);
            next += 1;
            within("an ack", delivery.receipt.ack()).await??;
        }
    }
    Ok(())
}

/// What a crash would deliver again is bounded by the window, though the interval between commits is long.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_commit_counts_in_the_window() -> Result<()> {
    const SENT: i64 = 100;
    const WINDOW: i64 = 10;
    let topic = Topic::new(1).await?;
    topic.fill(SENT as usize, 1).await?;
    let config = KafkaSourceConfig {
        window: WINDOW as usize,
        commit_interval: Duration::from_secs(3600),
        ..topic.source_config()
    };
    let mut source = KafkaSource::new(topic.client.clone(), config)?;
    let mut received = 0;
    while received < SENT {
        let batch = within("messages", source.recv()).await??;
        received += i64::try_from(batch.len())?;
        let committed = topic.committed(1).await?[&0];
        assert!(received - committed <= WINDOW, "{committed} of {received}");
        for delivery in batch {
            within("an ack", delivery.receipt.ack()).await??;
        }
    }
    within("the source closes", source.close()).await??;
    assert_eq!(topic.committed(1).await?[&0], SENT);
    Ok(())
}

/// A pattern takes in topics that are created later, and a topic may be named before it is there.
#[tokio::test(flavor = "multi_thread")]
async fn topics_are_found_when_they_are_created() -> Result<()> {
    let kafka = Kafka::shared().await?;
    let family = unique("family");
    let other = unique("later");
    let mut client = client(kafka, &family);
    client.set("topic.metadata.refresh.interval.ms", "200");
    let topics = vec![format!("^{family}-.*"), other.clone()];
    let config = KafkaSourceConfig { topics, ..KafkaSourceConfig::default() };
    let mut source = KafkaSource::new(client.clone(), config)?;
    for name in [format!("{family}-one"), other, format!("{family}-two")] {
        kafka.create_topic(&name, 1).await?;
        let topic = Topic { name, client: client.clone() };
        topic.fill(1, 1).await?;
        let delivery = take(&mut source, 1).await?.remove(0);
        assert_eq!(delivery.envelope.address.name, topic.name);
        within("an ack", delivery.receipt.ack()).await??;
    }
    within("the source closes", source.close()).await??;
    Ok(())
}

/// Kafka gives a static member up for another of its name; asked again, the source comes back with a new consumer.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_given_up_is_an_error_and_begins_again() -> Result<()> {
    let topic = Topic::new(1).await?;
    topic.fill(1, 1).await?;
    let client = topic.with("group.instance.id", "the-only-one");
    let source = || KafkaSource::new(client.clone(), topic.source_config());
    let mut first = source()?;
    let held = take(&mut first, 1).await?.remove(0);
    let mut second = source()?;
    take(&mut second, 1).await?;

    let error = within("an error", first.recv()).await?.err().context("it goes on")?;
    assert!(matches!(error, SourceError::Consume { fatal: true, .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Permanent);
    assert!(within("an ack", held.receipt.ack()).await?.is_err(), "a stale ack counted");
    let again = take(&mut first, 1).await?.remove(0);
    assert_eq!(number(&again.envelope)?, 0);
    within("an ack", again.receipt.ack()).await??;
    within("the source closes", first.close()).await??;
    assert_eq!(topic.committed(1).await?[&0], 1);
    Ok(())
}

/// What only a person can put right ends in an error, not in silence.
#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_refuses_for_good_is_an_error() -> Result<()> {
    let topic = Topic::new(1).await?;
    let client = topic.with("auto.offset.reset", "error");
    let mut source = KafkaSource::new(client, topic.source_config())?;
    let error = within("an error", source.recv()).await?.err().context("it goes on")?;
    assert!(matches!(error, SourceError::Consume { fatal: false, .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Permanent);
    within("the source closes", source.close()).await??;
    Ok(())
}

/// Closing has an end when the broker is gone.
#[tokio::test(flavor = "multi_thread")]
async fn closing_without_a_broker_has_an_end() -> Result<()> {
    let mut kafka = Kafka::start().await?;
    let topic = Topic::on(&kafka, 1).await?;
    topic.fill(3, 1).await?;
    let config = KafkaSourceConfig {
        commit_interval: Duration::from_secs(3600),
        close_timeout: Duration::from_secs(1),
        ..topic.source_config()
    };
    let mut source = KafkaSource::new(topic.client.clone(), config)?;
    let deliveries = take(&mut source, 3).await?;
    kafka.kill().await?;
    for delivery in deliveries {
        within("an ack", delivery.receipt.ack()).await??;
    }
    let error = within("the source closes", source.close()).await?.err();
    let error = error.context("it committed to a dead broker")?;
    assert!(
        matches!(error, SourceError::CloseTimeout { .. } | SourceError::Commit(_)),
        "{error:?}"
    );
    assert_eq!(error.transience(), Transience::Transient);
    Ok(())
}

#[tokio::test]
async fn a_wrong_configuration_is_told_at_once() {
    let topics =
        || KafkaSourceConfig { topics: vec!["t".to_owned()], ..KafkaSourceConfig::default() };
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", "127.0.0.1:1");
    let error = KafkaSource::new(client.clone(), topics()).err().unwrap();
    assert!(matches!(error, CreateError::NoGroup), "{error:?}");
    client.set("group.id", "g");
    let error = KafkaSource::new(client.clone(), KafkaSourceConfig::default()).err().unwrap();
    assert!(matches!(error, CreateError::NoTopics), "{error:?}");
    client.set("auto.offset.reset", "sometimes");
    let error = KafkaSource::new(client, topics()).err().unwrap();
    assert!(matches!(error, CreateError::Property { .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Permanent);
}
