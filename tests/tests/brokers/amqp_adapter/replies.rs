//! Replies are framed only for those who read frames.

use anyhow::{Context, Result};
use lapin::BasicProperties;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::FieldTable;

use super::{arguments, bare, next, put, queue, request, take, text, wrapped};

async fn reply(channel: &m2m_amqp::Channel, to: &str) -> Result<()> {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let payload = request(1);
    channel.basic_publish("".into(), to.into(), options, &payload, properties).await?.await?;
    Ok(())
}

#[tokio::test]
async fn a_reply_is_framed_for_those_who_read_frames() -> Result<()> {
    let (_bare, requester) = bare().await?;
    let (connection, service) = wrapped().await?;
    let requests = queue(&requester, FieldTable::default()).await?;
    // On another connection, as RabbitMQ advises.
    let (replying, _) = wrapped().await?;
    let replying = replying.with_replies_of(&connection);
    let other = replying.create_channel().await?;

    let accepting = arguments([("m2m-accept", text("1"))]);
    let frame = engine_frame()?;
    for (payload, headers, framed) in [
        (b"plain".to_vec(), FieldTable::default(), false),
        (b"plain".to_vec(), accepting, true),
        (frame, FieldTable::default(), true),
    ] {
        let replies = queue(&requester, FieldTable::default()).await?;
        let properties =
            BasicProperties::default().with_reply_to(replies.as_str().into()).with_headers(headers);
        put(&requester, &requests, &payload, properties).await?;
        let got = service.basic_get(requests.as_str().into(), Default::default()).await?;
        let reply_to = got.context("no request")?.delivery.properties.reply_to().clone();
        assert_eq!(reply_to, Some(replies.as_str().into()));
        for channel in [&service, &other] {
            reply(channel, &replies).await?;
            let got = take(&requester, &replies).await?;
            assert_eq!(got.data.starts_with(b"#M2M|1|"), framed);
            assert_eq!(got.properties.content_encoding().is_some(), framed);
        }
    }
    // A queue that nobody has asked for a reply at is no reply address.
    let plain = queue(&requester, FieldTable::default()).await?;
    reply(&service, &plain).await?;
    assert!(take(&requester, &plain).await?.data.starts_with(b"#M2M|1|"));
    Ok(())
}

fn engine_frame() -> Result<Vec<u8>> {
    let payload = request(2);
    let wrapped = super::engine().wrap(&payload, &m2m_engine::Outbound::default())?;
    anyhow::ensure!(wrapped.is_framed());
    Ok(wrapped.bytes.into_owned())
}

#[tokio::test]
async fn a_request_says_that_its_sender_reads_frames() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let (_connection, channel) = wrapped().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    for reply_to in [Some("replies"), None] {
        let mut properties = BasicProperties::default();
        if let Some(reply_to) = reply_to {
            properties = properties.with_reply_to(reply_to.into());
        }
        channel
            .basic_publish("".into(), queue.as_str().into(), Default::default(), b"?", properties)
            .await?
            .await?;
        let got = take(&inspector, &queue).await?;
        let headers = got.properties.headers().clone().unwrap_or_default();
        let accept = headers.inner().get("m2m-accept").cloned();
        assert_eq!(accept, reply_to.map(|_| text("1")));
    }
    Ok(())
}

/// RabbitMQ's direct reply-to: no queue, and an address made by the broker.
#[tokio::test]
async fn direct_replies_go_both_ways() -> Result<()> {
    let (_bare, requester) = bare().await?;
    let (connection, service) = wrapped().await?;
    let requests = queue(&requester, FieldTable::default()).await?;
    let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let direct = "amq.rabbitmq.reply-to";

    let mut replies =
        requester.basic_consume(direct.into(), "".into(), no_ack, FieldTable::default()).await?;
    let properties = BasicProperties::default().with_reply_to(direct.into());
    put(&requester, &requests, b"plain", properties).await?;
    let got = service.basic_get(requests.as_str().into(), Default::default()).await?;
    let address = got.context("no request")?.delivery.properties.reply_to().clone();
    let address = address.context("no reply address")?;
    assert!(address.as_str().starts_with("amq.rabbitmq.reply-to."), "{address}");
    reply(&service, address.as_str()).await?;
    let plain = next(&mut replies).await?.context("the consumer ended")??;
    assert_eq!(plain.data, request(1));
    // A service that does not remember the request is careful.
    let (_connection, forgetful) = wrapped().await?;
    reply(&forgetful, address.as_str()).await?;
    let plain = next(&mut replies).await?.context("the consumer ended")??;
    assert_eq!(plain.data, request(1));

    // A wrapped requester says that it reads frames, and gets its answer opened.
    let requester = connection.create_channel().await?;
    let mut replies =
        requester.basic_consume(direct.into(), "".into(), no_ack, FieldTable::default()).await?;
    let properties = BasicProperties::default().with_reply_to(direct.into());
    let options = BasicPublishOptions::default();
    requester
        .basic_publish("".into(), requests.as_str().into(), options, b"?", properties)
        .await?
        .await?;
    let got = service.basic_get(requests.as_str().into(), Default::default()).await?;
    let address = got.context("no request")?.delivery.properties.reply_to().clone();
    reply(&service, address.context("no reply address")?.as_str()).await?;
    let opened = next(&mut replies).await?.context("the consumer ended")??;
    assert_eq!(opened.data, request(1));
    Ok(())
}
