//! The link's sink.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use m2m_engine::bus::{Envelope, Sink, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_kafka::{CreateError, KafkaSink, KafkaSinkConfig, SinkError};

use super::{Topic, number, place, take, within};

/// Keys go where the Java client puts them. The hashes are those of Kafka's own test (`UtilsTest.testMurmur2`).
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_hashed_as_java_does() -> Result<()> {
    const PARTITIONS: i32 = 7;
    let vectors: BTreeMap<&str, i32> = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ]
    .into();
    let topic = Topic::new(PARTITIONS).await?;
    let mut sink = topic.sink()?;
    for key in vectors.keys() {
        let envelope = Envelope { key: Some((*key).into()), ..topic.envelope("x") };
        let confirmation = within("sent", sink.send(envelope)).await??;
        within("confirmed", confirmation).await??;
    }
    let mut source = topic.source()?;
    for delivery in take(&mut source, vectors.len()).await? {
        let key = delivery.envelope.key.as_deref().context("a key")?;
        let key = std::str::from_utf8(key)?;
        let expected = (vectors[key] & 0x7fff_ffff) % PARTITIONS;
        assert_eq!(place(&delivery.envelope)?.0, expected, "{key}");
    }
    within("the source closes", source.close()).await??;
    Ok(())
}

/// A tiny queue holds `send` up, and order with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_waited_for() -> Result<()> {
    const SENT: usize = 200;
    let topic = Topic::new(1).await?;
    let client = topic.with("queue.buffering.max.messages", "3");
    let mut sink = KafkaSink::new(client, KafkaSinkConfig::default())?;
    let mut confirmations = Vec::new();
    for number in 0..SENT {
        let sent = within("there is room", sink.send(topic.numbered(number, 1)));
        confirmations.push(sent.await??);
    }
    for confirmation in confirmations {
        within("confirmed", confirmation).await??;
    }
    let mut source = topic.source()?;
    for (expected, delivery) in take(&mut source, SENT).await?.into_iter().enumerate() {
        assert_eq!(number(&delivery.envelope)?, expected);
    }
    Ok(())
}

/// With no broker to take anything, a full queue is an error that a retry can help, and closing has an end.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_everything_has_an_end() -> Result<()> {
    let mut client = rdkafka::ClientConfig::new();
    client.set("bootstrap.servers", "127.0.0.1:1").set("queue.buffering.max.messages", "1");
    let config = KafkaSinkConfig {
        send_timeout: Duration::from_millis(300),
        close_timeout: Duration::from_millis(300),
    };
    client.set("message.timeout.ms", "60000");
    let mut sink = KafkaSink::new(client, config)?;
    let envelope = || Envelope {
        address: m2m_engine::bus::Address { name: "t".to_owned(), ..Default::default() },
        payload: Some("x".into()),
        ..Envelope::default()
    };
    let confirmation = within("enqueued", sink.send(envelope())).await??;
    let error = within("refused", sink.send(envelope())).await?.err().context("it was enqueued")?;
    assert!(matches!(error, SinkError::QueueFull { .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Transient);
    let error = within("the sink closes", sink.close()).await?.err().context("it was flushed")?;
    assert!(matches!(error, SinkError::Flush { undelivered: 1, .. }), "{error:?}");
    let error =
        within("the confirmation", confirmation).await?.err().context("it was confirmed")?;
    assert_eq!(error.transience(), Transience::Transient);
    Ok(())
}

/// What the broker refuses is permanent, and its neighbours are confirmed; also when the producer cannot go on and is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_does_not_end_the_sink() -> Result<()> {
    let topic = Topic::new(1).await?;
    topic.limit("max.message.bytes", "5000").await?;

    // Without gaps, librdkafka gives an idempotent producer up when the broker refuses a message for good.
    for (gapless, number) in [("false", 0), ("true", 1)] {
        let client = topic.with("enable.gapless.guarantee", gapless);
        let mut sink = KafkaSink::new(client, KafkaSinkConfig::default())?;
        let confirmation = within("sent", sink.send(topic.envelope("x".repeat(20_000)))).await??;
        let error = within("an answer", confirmation).await?.err().context("it was taken")?;
        assert!(matches!(error, SinkError::TooLarge { len: 20_000, limit: None }), "{error:?}");
        assert_eq!(error.transience(), Transience::Permanent);
        let mut fatal = 0;
        let confirmation = loop {
            match within("sent", sink.send(topic.numbered(number, 1))).await? {
                Ok(confirmation) => break confirmation,
                Err(error) => {
                    assert!(matches!(error, SinkError::Fatal(_)), "{error:?}");
                    assert_eq!(error.transience(), Transience::Transient);
                    fatal += 1;
                }
            }
        };
        assert_eq!(fatal, number, "gapless: {gapless}");
        within("confirmed", confirmation).await??;
        within("the sink closes", sink.close()).await??;
    }
    let mut source = topic.source()?;
    for (expected, delivery) in take(&mut source, 2).await?.into_iter().enumerate() {
        assert_eq!(number(&delivery.envelope)?, expected);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_clients_limit_is_refused_at_once() -> Result<()> {
    let topic = Topic::new(1).await?;
    let client = topic.with("message.max.bytes", "5000");
    let mut sink = KafkaSink::new(client, KafkaSinkConfig::default())?;
    let refused = within("refused", sink.send(topic.envelope("x".repeat(6000)))).await?;
    let error = refused.err().context("it was enqueued")?;
    assert!(matches!(error, SinkError::TooLarge { len: 6000, limit: Some(5000) }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_configuration_is_told_at_once() {
    let mut client = rdkafka::ClientConfig::new();
    client.set("bootstrap.servers", "127.0.0.1:1").set("acks", "perhaps");
    let error = KafkaSink::new(client, KafkaSinkConfig::default()).err().unwrap();
    assert!(
        matches!(&error, CreateError::Property { property, .. } if property == "acks"),
        "{error:?}"
    );
}
