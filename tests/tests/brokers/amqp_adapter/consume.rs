//! Consuming through the wrapped channel.

use anyhow::{Context, Result};
use futures_util::{FutureExt, StreamExt};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions,
    BasicQosOptions, BasicRejectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use m2m_amqp::error::{GetError, ReceiveError};
use m2m_engine::error::{Classify, Transience};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{DEADLINE, arguments, bare, next, put, queue, request, take, text, wrapped};

const REQUEUE: BasicNackOptions = BasicNackOptions { multiple: false, requeue: true };
/// Begins as a frame, and is none.
const DAMAGED: &[u8] = b"#M2M|1|not a frame";

async fn publish(channel: &m2m_amqp::Channel, queue: &str, number: usize) -> Result<()> {
    let payload = request(number);
    channel
        .basic_publish(
            "".into(),
            queue.into(),
            Default::default(),
            &payload,
            BasicProperties::default(),
        )
        .await?
        .await?;
    Ok(())
}

async fn consume(channel: &m2m_amqp::Channel, queue: &str) -> Result<m2m_amqp::Consumer> {
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    Ok(channel.basic_consume(queue.into(), "".into(), options, none).await?)
}

async fn delivery(consumer: &mut m2m_amqp::Consumer) -> Result<Delivery> {
    Ok(next(consumer).await?.context("the consumer ended")??)
}

#[tokio::test]
async fn what_is_nacked_or_rejected_comes_again_marked() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    let mut consumer = consume(&channel, &queue).await?;
    publish(&channel, &queue, 1).await?;

    let first = delivery(&mut consumer).await?;
    assert!(!first.redelivered);
    assert!(first.nack(REQUEUE).await?);
    let again = delivery(&mut consumer).await?;
    assert!(again.redelivered);
    assert_eq!(again.data, request(1));
    assert!(again.reject(BasicRejectOptions { requeue: true }).await?);
    // The same by its delivery tag.
    let again = delivery(&mut consumer).await?;
    channel.basic_nack(again.delivery_tag, REQUEUE).await?;
    let again = delivery(&mut consumer).await?;
    channel.basic_reject(again.delivery_tag, BasicRejectOptions { requeue: true }).await?;
    let again = delivery(&mut consumer).await?;
    assert_eq!(again.data, request(1));
    channel.basic_ack(again.delivery_tag, BasicAckOptions::default()).await?;

    channel.close(200, "done".into()).await?;
    let rest = inspector.basic_get(queue.as_str().into(), BasicGetOptions::default()).await?;
    assert!(rest.is_none(), "it was acknowledged");
    // A delivery tag is worth nothing without its channel; lapin says so without an error.
    assert!(!again.ack(BasicAckOptions::default()).await?);
    Ok(())
}

#[tokio::test]
async fn qos_bounds_what_is_given_out() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    channel.basic_qos(2, BasicQosOptions::default()).await?;
    for number in 0..3 {
        publish(&channel, &queue, number).await?;
    }
    let mut consumer = consume(&channel, &queue).await?;
    let first = delivery(&mut consumer).await?;
    delivery(&mut consumer).await?;
    // What the consumer does not hold is still in the queue.
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let none = FieldTable::default();
    let state = channel.queue_declare(queue.as_str().into(), passive, none).await?;
    assert_eq!(state.message_count(), 1);
    assert!(consumer.next().now_or_never().is_none());
    assert!(first.ack(BasicAckOptions::default()).await?);
    assert_eq!(delivery(&mut consumer).await?.data, request(2));
    Ok(())
}

#[tokio::test]
async fn basic_get_opens_and_counts() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    let get = || channel.basic_get(queue.as_str().into(), BasicGetOptions::default());
    assert!(get().await?.is_none());
    publish(&channel, &queue, 1).await?;
    publish(&channel, &queue, 2).await?;
    let got = get().await?.context("empty")?;
    assert_eq!((got.message_count, got.delivery.data.clone()), (1, request(1).to_vec()));
    assert!(got.ack(BasicAckOptions::default()).await?);
    assert_eq!(get().await?.context("empty")?.data, request(2));
    Ok(())
}

#[tokio::test]
async fn an_unopenable_message_can_be_dead_lettered_or_given_back() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let dead = queue(&inspector, FieldTable::default()).await?;
    let queue = queue(
        &inspector,
        arguments([
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&dead)),
        ]),
    )
    .await?;
    put(&inspector, &queue, DAMAGED, BasicProperties::default()).await?;
    let got = channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await;
    let Err(GetError::Open(failure)) = got else { panic!("{got:?}") };
    assert_eq!(failure.message.delivery.data, DAMAGED);
    assert_eq!(failure.transience(), Transience::Permanent);
    assert!(failure.message.nack(REQUEUE).await?);

    let mut consumer = consume(&channel, &queue).await?;
    let got = next(&mut consumer).await?.context("the consumer ended")?;
    let Err(ReceiveError::Open(failure)) = got else { panic!("{got:?}") };
    assert_eq!(failure.message.data, DAMAGED);
    assert!(failure.message.redelivered);
    assert!(failure.message.reject(BasicRejectOptions::default()).await?);
    // The consumer goes on.
    publish(&channel, &queue, 1).await?;
    assert_eq!(delivery(&mut consumer).await?.data, request(1));

    let dead = take(&inspector, &dead).await?;
    assert_eq!(dead.data, DAMAGED);
    let headers = dead.properties.headers().clone().context("no headers")?;
    let Some(AMQPValue::FieldArray(deaths)) = headers.inner().get("x-death") else {
        panic!("{headers:?}")
    };
    let [AMQPValue::FieldTable(death)] = deaths.as_slice() else { panic!("{deaths:?}") };
    assert_eq!(death.inner().get("reason"), Some(&text("rejected")));
    assert_eq!(death.inner().get("count"), Some(&AMQPValue::LongLongInt(1)));
    Ok(())
}

#[tokio::test]
async fn a_consumer_whose_queue_is_deleted_says_so() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let name = queue(&inspector, FieldTable::default()).await?;
    let mut consumer = consume(&channel, &name).await?;
    inspector.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await?;
    let end = next(&mut consumer).await?.context("it just ended")?;
    let Err(ReceiveError::Cancelled { queue: of, .. }) = &end else { panic!("{end:?}") };
    assert_eq!(of, &name);
    assert!(next(&mut consumer).await?.is_none());
    assert!(next(&mut consumer).await?.is_none(), "it stays ended");

    // The channel is still good.
    let name = queue(&inspector, FieldTable::default()).await?;
    let mut consumer = consume(&channel, &name).await?;
    publish(&channel, &name, 1).await?;
    assert_eq!(delivery(&mut consumer).await?.data, request(1));
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_is_cancelled_here_just_ends() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let name = queue(&inspector, FieldTable::default()).await?;
    let mut consumer = consume(&channel, &name).await?;
    channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
    assert!(next(&mut consumer).await?.is_none());
    let mut consumer = consume(&channel, &name).await?;
    channel.close(200, "done".into()).await?;
    assert!(next(&mut consumer).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_delegate_gets_what_the_stream_would() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let name = queue(&inspector, FieldTable::default()).await?;
    let consumer = consume(&channel, &name).await?;
    let (seen, mut results) = mpsc::unbounded_channel();
    consumer.set_delegate(move |result| {
        let seen = seen.clone();
        async move {
            if let Ok(Some(delivery)) = &result {
                delivery.ack(BasicAckOptions::default()).await.unwrap();
            }
            seen.send(result).unwrap();
        }
    });
    publish(&channel, &name, 1).await?;
    let first = timeout(DEADLINE, results.recv()).await?.context("no result")?;
    assert_eq!(first?.context("cancelled")?.data, request(1));
    inspector.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await?;
    let last = timeout(DEADLINE, results.recv()).await?.context("no result")?;
    assert!(matches!(last, Err(ReceiveError::Cancelled { .. })), "{last:?}");
    Ok(())
}
