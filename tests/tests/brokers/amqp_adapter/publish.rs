//! Publishing through the wrapped channel.

use anyhow::{Context, Result};
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation};
use m2m_amqp::error::PublishError;
use m2m_engine::error::{Classify, Transience};
use m2m_tests::harness::{Rabbit, RabbitOptions, unique};

use super::{arguments, bare, put, queue, request, take, text, wrapped, wrapped_at};

async fn publish(
    channel: &m2m_amqp::Channel,
    queue: &str,
    payload: &[u8],
    properties: BasicProperties,
) -> Result<Confirmation, PublishError> {
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), queue.into(), options, payload, properties).await?.await
}

#[tokio::test]
async fn properties_survive_framed_and_stored() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    let headers = arguments([
        ("x-count", AMQPValue::LongInt(-5)),
        ("x-list", AMQPValue::FieldArray(vec![AMQPValue::Boolean(true), text("a")].into())),
        ("x-none", AMQPValue::Void),
    ]);
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("gzip".into())
        .with_headers(headers)
        .with_delivery_mode(2)
        .with_priority(7)
        .with_correlation_id("correlation".into())
        .with_expiration("600000".into())
        .with_message_id("message".into())
        .with_timestamp(1_700_000_000)
        .with_type("kind".into())
        .with_user_id("guest".into())
        .with_app_id("app".into());
    for (payload, framed) in [(request(1), true), ("small".into(), false)] {
        publish(&channel, &queue, &payload, properties.clone()).await?;
        let raw = take(&inspector, &queue).await?;
        assert_eq!(raw.data != payload, framed);
        let encoding = raw.properties.content_encoding().as_ref().map(ShortString::as_str);
        assert_eq!(encoding, Some(if framed { "gzip, m2m" } else { "gzip" }));

        publish(&channel, &queue, &payload, properties.clone()).await?;
        let got = channel.basic_get(queue.as_str().into(), Default::default()).await?;
        let got = got.context("empty")?;
        assert_eq!(got.delivery.data, payload);
        assert_eq!(got.delivery.properties, properties);
        assert!(got.ack(Default::default()).await?);
    }
    Ok(())
}

#[tokio::test]
async fn without_confirm_mode_it_behaves_as_lapin_does() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (connection, _) = wrapped().await?;
    let channel = connection.create_channel().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    let confirmation = publish(&channel, &queue, &request(1), BasicProperties::default()).await?;
    assert_eq!(confirmation, Confirmation::NotRequested);
    assert!(take(&inspector, &queue).await?.data.starts_with(b"#M2M|1|"));
    Ok(())
}

#[tokio::test]
async fn a_queue_that_rejects_is_an_error_with_the_payload() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let full = queue(
        &inspector,
        arguments([
            ("x-max-length", AMQPValue::LongInt(1)),
            ("x-overflow", text("reject-publish")),
        ]),
    )
    .await?;
    put(&inspector, &full, b"the only one", BasicProperties::default()).await?;
    let error = publish(&channel, &full, &request(1), BasicProperties::default()).await;
    let error = error.expect_err("the queue is full");
    assert!(matches!(error, PublishError::Nacked { .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Transient);
    assert_eq!(error.into_payload(), request(1));
    Ok(())
}

#[tokio::test]
async fn what_closes_the_channel_is_known_when_it_was_alone() -> Result<()> {
    let (_connection, channel) = wrapped().await?;
    let nowhere = || unique("no-exchange").into();
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let publish = |exchange: ShortString, payload: bytes::Bytes| {
        let (channel, properties) = (&channel, properties.clone());
        async move { channel.basic_publish(exchange, "key".into(), options, &payload, properties).await }
    };
    let confirm = publish(nowhere(), request(1)).await?;
    let error = confirm.await.expect_err("there is no such exchange");
    assert!(matches!(error, PublishError::Amqp { .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Permanent);
    assert_eq!(error.into_payload(), request(1));

    // The channel is closed now.
    let error = publish("".into(), request(2)).await.expect_err("closed");
    assert_eq!(error.transience(), Transience::Transient);
    assert_eq!(error.into_payload(), request(2));

    // Two in flight, one of them good: nobody can tell which of them it was.
    let (_connection, channel) = wrapped().await?;
    let (_bare, inspector) = bare().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    let (good, bad) = tokio::join!(
        channel.basic_publish("".into(), queue.into(), options, b"good", properties.clone()),
        channel.basic_publish(nowhere(), "".into(), options, b"bad", properties.clone()),
    );
    let (good, bad) = tokio::join!(good?, bad?);
    let bad = bad.expect_err("there is no such exchange");
    if let Err(good) = good {
        assert!(matches!(good, PublishError::ChannelLost { .. }), "{good:?}");
        assert!(matches!(bad, PublishError::ChannelLost { .. }), "{bad:?}");
        assert_eq!(good.transience(), Transience::Transient);
        assert_eq!(good.into_payload().as_ref(), b"good");
    }
    assert_eq!(bad.into_payload().as_ref(), b"bad");
    Ok(())
}

/// Judged on what goes out, and named as what it is.
#[tokio::test]
async fn a_message_over_the_servers_limit_is_recognised() -> Result<()> {
    const LIMIT: usize = 10_000;
    let options = RabbitOptions { config: format!("max_message_size = {LIMIT}") };
    let rabbit = Rabbit::start_with(options).await?;
    let (_connection, channel) = wrapped_at(rabbit.url()).await?;
    let queue = "queue";
    channel.queue_declare(queue.into(), Default::default(), FieldTable::default()).await?;

    let shrinks = "all work and no play ".repeat(LIMIT);
    publish(&channel, queue, shrinks.as_bytes(), BasicProperties::default()).await?;
    let got = channel.basic_get(queue.into(), Default::default()).await?;
    assert_eq!(got.context("empty")?.delivery.data, shrinks.as_bytes());

    // Looks compressed, so that it goes as it is.
    let mut too_long = b"\x1f\x8b".to_vec();
    too_long.resize(LIMIT + 1, 0);
    let error = publish(&channel, queue, &too_long, BasicProperties::default()).await;
    let error = error.expect_err("over the limit");
    let PublishError::TooLong { len, limit, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!((len, limit), (LIMIT + 1, LIMIT));
    assert_eq!(error.transience(), Transience::Permanent);
    assert_eq!(error.into_payload(), too_long);
    assert!(!channel.status().connected(), "RabbitMQ has closed it");

    super::link::a_long_message_is_refused_and_the_next_one_goes(&rabbit, queue, too_long).await
}

#[tokio::test]
async fn transactions_are_passed_on() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (connection, _) = wrapped().await?;
    let channel = connection.create_channel().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    channel.tx_select().await?;
    publish(&channel, &queue, &request(1), BasicProperties::default()).await?;
    channel.tx_rollback().await?;
    publish(&channel, &queue, &request(2), BasicProperties::default()).await?;
    let none = inspector.basic_get(queue.as_str().into(), Default::default()).await?;
    assert!(none.is_none(), "not committed yet");
    channel.tx_commit().await?;
    let got = channel.basic_get(queue.as_str().into(), Default::default()).await?;
    assert_eq!(got.context("empty")?.delivery.data, request(2));
    Ok(())
}
