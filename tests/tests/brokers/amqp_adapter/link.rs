//! Queues and exchanges as source and sink.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::FutureExt;
use lapin::BasicProperties;
use lapin::options::{BasicRejectOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use m2m_amqp::link::{
    ExchangeSink, ExchangeSinkConfig, QueueReceipt, QueueSource, QueueSourceConfig, SettleError,
    SinkError, SourceError,
};
use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Delivery, Envelope, Receipt, Sink, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_tests::harness::{Rabbit, unique};
use tokio::time::timeout;

use super::{DEADLINE, arguments, bare, put, queue, take, text, url};

pub(super) fn to(queue: &str, payload: impl Into<Bytes>) -> Envelope {
    Envelope {
        address: Address { name: queue.to_owned(), exchange: String::new() },
        payload: Some(payload.into()),
        ..Envelope::default()
    }
}

async fn source(queue: &str) -> Result<QueueSource> {
    let config = QueueSourceConfig { queue: queue.to_owned(), ..QueueSourceConfig::default() };
    Ok(QueueSource::connect(url().await?, config).await?)
}

async fn sink() -> Result<ExchangeSink> {
    Ok(ExchangeSink::connect(url().await?, ExchangeSinkConfig::default()).await?)
}

async fn send(sink: &mut ExchangeSink, envelope: Envelope) -> Result<(), SinkError> {
    sink.send(envelope).await?.await
}

async fn one(source: &mut QueueSource) -> Result<Delivery<QueueReceipt>> {
    let mut batch = timeout(DEADLINE, source.recv()).await??;
    anyhow::ensure!(batch.len() == 1, "more than one: {batch:?}");
    batch.pop().context("an empty batch")
}

#[tokio::test]
async fn the_story_of_a_dead_letter_is_passed_on_with_its_types() -> Result<()> {
    let (_bare, channel) = bare().await?;
    let dead = queue(&channel, FieldTable::default()).await?;
    let living = queue(
        &channel,
        arguments([
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&dead)),
        ]),
    )
    .await?;
    let target = queue(&channel, FieldTable::default()).await?;
    let own = arguments([("x-own", AMQPValue::Timestamp(5)), ("b", text("first by name"))]);
    put(&channel, &living, b"dies", BasicProperties::default().with_headers(own)).await?;
    let got = channel.basic_get(living.as_str().into(), Default::default()).await?;
    got.context("empty")?.reject(BasicRejectOptions::default()).await?;

    let mut source = source(&dead).await?;
    let Delivery { mut envelope, receipt } = one(&mut source).await?;
    let shown = envelope.header("x-death").context("no x-death")?;
    assert!(shown.contains(r#""reason":"rejected""#) && shown.contains(r#""count":1"#), "{shown}");
    assert_eq!(envelope.header("x-own"), Some("5"));
    // Over Kafka and back, where headers are packed, and then to another queue.
    let packed = m2m_engine::bus::headers::pack(&envelope.headers);
    let mut headers = vec![Header::text("m2m-headers", packed)];
    m2m_engine::bus::headers::restore(&mut headers);
    assert_eq!(headers, envelope.headers);
    envelope.headers = headers;
    envelope.address.name = target.clone();
    let mut sink = sink().await?;
    send(&mut sink, envelope.clone()).await?;
    receipt.ack().await?;

    let got = take(&channel, &target).await?;
    let headers = got.properties.headers().clone().context("no headers")?;
    let Some(AMQPValue::FieldArray(deaths)) = headers.inner().get("x-death") else {
        panic!("{headers:?}")
    };
    let [AMQPValue::FieldTable(death)] = deaths.as_slice() else { panic!("{deaths:?}") };
    assert_eq!(death.inner().get("count"), Some(&AMQPValue::LongLongInt(1)));
    assert!(matches!(death.inner().get("time"), Some(AMQPValue::Timestamp(_))));
    assert_eq!(death.inner().get("queue"), Some(&text(&living)));
    assert_eq!(headers.inner().get("x-own"), Some(&AMQPValue::Timestamp(5)));
    assert!(!headers.contains_key("m2m-headers"), "a sorted table needs no packing");
    Ok(())
}

/// `user_id` would close the channel, and `CC` would give the message to one queue more.
#[tokio::test]
async fn what_steers_the_broker_is_carried_and_does_nothing() -> Result<()> {
    let (_bare, channel) = bare().await?;
    let [first, copy, target] = [
        queue(&channel, FieldTable::default()).await?,
        queue(&channel, FieldTable::default()).await?,
        queue(&channel, FieldTable::default()).await?,
    ];
    let cc = arguments([("CC", AMQPValue::FieldArray(vec![text(&copy)].into()))]);
    let properties = BasicProperties::default().with_user_id("guest".into()).with_headers(cc);
    put(&channel, &first, b"once", properties).await?;
    take(&channel, &copy).await?;

    let mut source = source(&first).await?;
    let Delivery { mut envelope, receipt } = one(&mut source).await?;
    envelope.address.name = target.clone();
    let mut sink = sink().await?;
    send(&mut sink, envelope).await?;
    receipt.ack().await?;
    let got = take(&channel, &target).await?;
    assert_eq!(got.properties.user_id(), &None);
    let headers = got.properties.headers().clone().context("no headers")?;
    assert_eq!(headers.inner().get("m2m-src-user-id"), Some(&text("guest")));
    assert!(matches!(headers.inner().get("m2m-src-CC"), Some(AMQPValue::FieldArray(_))));
    let again = channel.basic_get(copy.as_str().into(), Default::default()).await?;
    assert!(again.is_none(), "a second copy");
    Ok(())
}

#[tokio::test]
async fn acknowledging_on_a_closed_channel_is_an_error() -> Result<()> {
    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    for payload in ["1", "2", "3"] {
        put(&channel, &queue, payload.as_bytes(), BasicProperties::default()).await?;
    }
    let mut source = source(&queue).await?;
    let mut receipts = Vec::new();
    while receipts.len() < 3 {
        let batch = timeout(DEADLINE, source.recv()).await??;
        receipts.extend(batch.into_iter().map(|delivery| delivery.receipt));
    }
    let nacked = receipts.pop().context("three")?;
    let acked = receipts.pop().context("three")?;
    receipts.pop().context("three")?.ack().await?;
    source.close().await?;
    for settled in [acked.ack().await, nacked.nack().await] {
        let error = settled.expect_err("its channel is closed");
        assert!(matches!(error, SettleError::ChannelClosed), "{error:?}");
        assert_eq!(error.transience(), Transience::Transient);
    }
    assert_eq!(take(&channel, &queue).await?.data, b"2");
    assert_eq!(take(&channel, &queue).await?.data, b"3");
    Ok(())
}

#[tokio::test]
async fn a_deleted_queue_is_reported_and_found_again() -> Result<()> {
    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    let mut source = source(&queue).await?;
    put(&channel, &queue, b"before", BasicProperties::default()).await?;
    let before = one(&mut source).await?;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
    let error = timeout(DEADLINE, source.recv()).await?.expect_err("its queue is gone");
    assert!(matches!(error, SourceError::Cancelled { .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Transient);
    // Nothing is wrong with the channel.
    before.receipt.ack().await?;

    let error = timeout(DEADLINE, source.recv()).await?.expect_err("still gone");
    assert!(matches!(error, SourceError::Consume { .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Permanent);

    let none = FieldTable::default();
    channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), none).await?;
    put(&channel, &queue, b"after", BasicProperties::default()).await?;
    let after = one(&mut source).await?;
    assert_eq!(after.envelope.payload.as_deref(), Some(b"after".as_slice()));
    Ok(())
}

/// `recv` is dropped again and again while the consumer is made anew: it gets there, and no message is left with a consumer that
/// nobody reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consuming_again_survives_an_impatient_caller() -> Result<()> {
    const ROUNDS: usize = 5;
    const COUNT: usize = 20;
    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    let mut source = source(&queue).await?;
    for _ in 0..ROUNDS {
        channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
        let error = timeout(DEADLINE, source.recv()).await?.expect_err("its queue is gone");
        assert!(matches!(error, SourceError::Cancelled { .. }), "{error:?}");
        let none = FieldTable::default();
        channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), none).await?;
        for number in 0..COUNT {
            put(&channel, &queue, number.to_string().as_bytes(), BasicProperties::default())
                .await?;
        }
        let mut came = Vec::new();
        let impatient = async {
            while came.len() < COUNT {
                match source.recv().now_or_never() {
                    Some(batch) => {
                        for delivery in batch? {
                            came.push(delivery.envelope.payload.context("null")?);
                            delivery.receipt.ack().await?;
                        }
                    }
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
            anyhow::Ok(())
        };
        timeout(DEADLINE, impatient).await??;
        let expected: Vec<String> = (0..COUNT).map(|number| number.to_string()).collect();
        assert_eq!(came, expected);
    }
    Ok(())
}

#[tokio::test]
async fn the_prefetch_bounds_what_is_unacknowledged() -> Result<()> {
    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    for number in 0..9 {
        put(&channel, &queue, &[number], BasicProperties::default()).await?;
    }
    let config = QueueSourceConfig {
        queue: queue.clone(),
        prefetch: 4,
        consumer_tag: "bounded".to_owned(),
        ..QueueSourceConfig::default()
    };
    let mut source = QueueSource::connect(url().await?, config).await?;
    let mut held = Vec::new();
    while held.len() < 4 {
        held.extend(timeout(DEADLINE, source.recv()).await??);
    }
    assert_eq!(held.len(), 4);
    // What the consumer does not hold is still in the queue.
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let state = channel.queue_declare(queue.into(), passive, FieldTable::default()).await?;
    assert_eq!(state.message_count(), 5);
    held.remove(0).receipt.ack().await?;
    let more = timeout(DEADLINE, source.recv()).await??;
    assert_eq!(more.len(), 1);
    Ok(())
}

/// A message that nobody can handle waits a while; the others pass it.
#[tokio::test]
async fn a_nacked_message_lets_the_others_pass() -> Result<()> {
    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    let config = QueueSourceConfig {
        queue: queue.clone(),
        prefetch: 2,
        nack_delay: Duration::from_secs(2),
        ..QueueSourceConfig::default()
    };
    let mut source = QueueSource::connect(url().await?, config).await?;
    put(&channel, &queue, b"poison", BasicProperties::default()).await?;
    one(&mut source).await?.receipt.nack().await?;
    for _ in 0..20 {
        put(&channel, &queue, b"good", BasicProperties::default()).await?;
    }
    let mut came = Vec::new();
    while came.len() < 21 {
        for delivery in timeout(DEADLINE, source.recv()).await?? {
            came.push(delivery.envelope.payload.context("null")?);
            delivery.receipt.ack().await?;
        }
    }
    let at = came.iter().position(|payload| payload == "poison");
    assert!(at.is_some_and(|at| at > 0), "{came:?}");
    Ok(())
}

/// AMQP closes the channel over one message and does not say which; the others are not to blame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_closes_the_channel_is_found_among_the_others() -> Result<()> {
    const COUNT: usize = 60;
    let bad = |number: usize| number == 20 || number == 41;
    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    let nowhere = Address { name: "key".to_owned(), exchange: unique("no-exchange") };
    let envelope = |number: usize| {
        let envelope = to(&queue, number.to_string());
        if bad(number) { Envelope { address: nowhere.clone(), ..envelope } } else { envelope }
    };
    let mut sink = sink().await?;
    // As the relay does: after a failure everything from the first unconfirmed message on is sent again.
    let (mut first, mut refused) = (0, Vec::new());
    for round in 0.. {
        assert!(round < 20, "no end of it: {refused:?}, at {first}");
        let mut confirmations = Vec::new();
        for number in first..COUNT {
            if !refused.contains(&number) {
                match sink.send(envelope(number)).await {
                    Ok(confirmation) => confirmations.push((number, confirmation)),
                    Err(error) => {
                        assert_eq!(error.transience(), Transience::Transient, "{error:?}");
                        break;
                    }
                }
            }
        }
        let mut failed = None;
        for (number, confirmation) in confirmations {
            match timeout(DEADLINE, confirmation).await? {
                Ok(()) => {}
                Err(error) if error.transience() == Transience::Permanent => {
                    assert!(matches!(error, SinkError::Refused(_)), "{error:?}");
                    refused.push(number);
                }
                Err(_) => failed = failed.or(Some(number)),
            }
        }
        match failed {
            Some(number) => first = number,
            None => break,
        }
    }
    assert_eq!(refused, [20, 41]);
    sink.close().await?;
    let mut missing: std::collections::BTreeSet<usize> = (0..COUNT).filter(|n| !bad(*n)).collect();
    while !missing.is_empty() {
        let got = take(&channel, &queue).await?;
        missing.remove(&String::from_utf8(got.data)?.parse()?);
    }
    Ok(())
}

#[tokio::test]
async fn headers_that_no_frame_holds_are_refused_before_they_are_sent() -> Result<()> {
    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    let mut sink = sink().await?;
    let with = |len: usize| {
        let headers = vec![Header::bytes("x", vec![b'x'; len])];
        Envelope { headers, ..to(&queue, "payload") }
    };
    for len in [131_072, 5_000_000] {
        let error = send(&mut sink, with(len)).await.expect_err("too long");
        let SinkError::Headers { len: frame, limit } = error else { panic!("{error:?}") };
        assert!(frame > len && frame > limit, "{len}: {frame}, {limit}");
        assert_eq!(error.transience(), Transience::Permanent);
        // To the byte: the longest that is let through is taken by the broker.
        let longest = len - (frame - limit);
        send(&mut sink, with(longest)).await?;
        let error = send(&mut sink, with(longest + 1)).await.expect_err("one too long");
        assert!(matches!(error, SinkError::Headers { .. }), "{error:?}");
    }
    // The connection has not suffered.
    send(&mut sink, to(&queue, "payload")).await?;
    Ok(())
}

/// Called where there is a broker with a low limit.
pub(super) async fn a_long_message_is_refused_and_the_next_one_goes(
    rabbit: &Rabbit,
    queue: &str,
    too_long: Vec<u8>,
) -> Result<()> {
    let mut sink = ExchangeSink::connect(rabbit.url(), ExchangeSinkConfig::default()).await?;
    let len = too_long.len();
    let error = send(&mut sink, to(queue, too_long)).await.expect_err("over the limit");
    assert!(
        matches!(error, SinkError::TooLong { len: sent, limit } if sent == len && limit < len),
        "{error:?}"
    );
    assert_eq!(error.transience(), Transience::Permanent);
    send(&mut sink, to(queue, "short")).await?;
    Ok(())
}
