//! Messages that come back.

use anyhow::Result;
use futures_util::future::join_all;
use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use m2m_amqp::error::PublishError;
use m2m_engine::error::{Classify, Transience};
use m2m_tests::harness::unique;

use super::{bare, queue, request, wrapped};

const MANDATORY: BasicPublishOptions = BasicPublishOptions { mandatory: true, immediate: false };

#[tokio::test]
async fn an_unroutable_mandatory_message_is_an_error_with_the_payload_and_the_return() -> Result<()>
{
    let (_connection, channel) = wrapped().await?;
    let nowhere = unique("nowhere");
    for payload in [request(1), "small".into()] {
        let properties = BasicProperties::default().with_message_id("1".into());
        let confirm = channel
            .basic_publish("".into(), nowhere.as_str().into(), MANDATORY, &payload, properties)
            .await?;
        let error = confirm.await.expect_err("nothing is there");
        let PublishError::Unroutable { returned, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!((returned.reply_code, returned.reply_text.as_str()), (312, "NO_ROUTE"));
        assert_eq!((returned.exchange.as_str(), &returned.routing_key), ("", &nowhere));
        assert_eq!(returned.properties.message_id(), &Some("1".into()));
        assert_eq!(error.transience(), Transience::Permanent);
        assert!(!format!("{error:?}").contains("115, 109"), "bytes of the payload");
        assert_eq!(error.into_payload(), payload);
    }
    // What is not mandatory may vanish.
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let confirm =
        channel.basic_publish("".into(), nowhere.into(), options, b"lost", properties).await?;
    assert!(confirm.await?.is_ack());
    Ok(())
}

/// The broker returns some of the messages and confirms many at a time; each publisher learns of its own message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_is_told_to_the_one_whose_message_it_is() -> Result<()> {
    const ROUNDS: usize = 20;
    const IN_FLIGHT: usize = 50;
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let here = queue(&inspector, FieldTable::default()).await?;
    let nowhere = unique("nowhere");
    for round in 0..ROUNDS {
        // Every fifth has no queue; some of these are alike but for a property.
        let publishing = (0..IN_FLIGHT).map(|number| {
            let lost = number % 5 == 3;
            let key = if lost { &nowhere } else { &here };
            let payload = if number % 10 == 3 { request(0) } else { request(number) };
            let properties =
                BasicProperties::default().with_message_id(format!("{round}-{number}").into());
            let (channel, properties) = (&channel, properties.with_delivery_mode(2));
            async move {
                let confirm = channel
                    .basic_publish("".into(), key.as_str().into(), MANDATORY, &payload, properties)
                    .await?;
                anyhow::Ok((number, lost, payload, confirm.await))
            }
        });
        for outcome in join_all(publishing).await {
            let (number, lost, payload, outcome) = outcome?;
            match outcome {
                Ok(_) => assert!(!lost, "{round}-{number} was confirmed, and is nowhere"),
                Err(PublishError::Unroutable { returned, payload: back }) => {
                    assert!(lost, "{round}-{number} has a queue: {returned:?}");
                    let id = format!("{round}-{number}");
                    assert_eq!(returned.properties.message_id(), &Some(id.into()));
                    assert_eq!(back.0, payload);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// The first message of a channel that can come back goes out behind some that cannot, one of which may get its return from lapin, and which
/// nobody has asked for until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_is_told_to_its_owner_behind_messages_that_nobody_has_asked_for() -> Result<()> {
    const ROUNDS: usize = 20;
    const BEFORE: usize = 30;
    let (_bare, inspector) = bare().await?;
    let here = queue(&inspector, FieldTable::default()).await?;
    let (connection, _) = wrapped().await?;
    for _ in 0..ROUNDS {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let publish = |key: &str, options| {
            let (channel, key) = (&channel, ShortString::from(key));
            let persistent = BasicProperties::default().with_delivery_mode(2);
            async move {
                let payload = request(1);
                channel.basic_publish("".into(), key, options, &payload, persistent).await
            }
        };
        let mut before = Vec::new();
        for _ in 0..BEFORE {
            before.push(publish(&here, BasicPublishOptions::default()).await?);
        }
        let dropped = before.split_off(BEFORE - 5);
        let lost = publish(&unique("nowhere"), MANDATORY).await?;
        drop(dropped);
        let error = lost.await.expect_err("nothing is there");
        assert!(matches!(error, PublishError::Unroutable { .. }), "{error:?}");
        for confirmed in join_all(before).await {
            assert!(confirmed?.is_ack());
        }
        assert_eq!(channel.wait_for_confirms().await?, []);
        channel.close(200, "".into()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn returns_that_nobody_waits_for_are_kept_opened() -> Result<()> {
    let (_connection, channel) = wrapped().await?;
    let nowhere = unique("nowhere");
    for number in 0..3 {
        let properties = BasicProperties::default();
        let confirm = channel
            .basic_publish(
                "".into(),
                nowhere.as_str().into(),
                MANDATORY,
                &request(number),
                properties,
            )
            .await?;
        drop(confirm);
    }
    let returned = channel.wait_for_confirms().await?;
    let payloads: Vec<&[u8]> =
        returned.iter().map(|message| message.delivery.data.as_slice()).collect();
    assert_eq!(payloads, [request(0), request(1), request(2)]);
    assert!(returned.iter().all(|message| message.properties.content_encoding().is_none()));
    assert_eq!(channel.wait_for_confirms().await?, []);
    Ok(())
}
