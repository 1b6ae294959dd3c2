//! Messages that are signed, bound and remembered.

use anyhow::{Context, Result, ensure};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions,
    ConfirmSelectOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, ConnectionProperties};
use m2m_amqp::error::{GetError, ReceiveError};
use m2m_engine::OpenError;
use m2m_tests::harness::eventually;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::strict;

use super::{DEADLINE, bare, next, put, queue, request, take, url};

async fn secured() -> Result<(m2m_amqp::Connection, m2m_amqp::Channel)> {
    let options = ConnectionProperties::default();
    let connection =
        m2m_amqp::Connection::connect(url().await?, options, strict::engine()?).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

async fn publish(
    channel: &m2m_amqp::Channel,
    to: &str,
    payload: &[u8],
    properties: BasicProperties,
) -> Result<()> {
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), to.into(), options, payload, properties).await?.await?;
    Ok(())
}

/// Puts `copies` of a message that was captured on this queue, and another message behind them.
async fn replay(inspector: &lapin::Channel, queue: &str, copies: usize) -> Result<()> {
    let (_connection, sender) = secured().await?;
    publish(&sender, queue, &request(1), BasicProperties::default()).await?;
    let captured = take(inspector, queue).await?;
    for _ in 0..copies {
        put(inspector, queue, &captured.data, captured.properties.clone()).await?;
    }
    publish(&sender, queue, &request(2), BasicProperties::default()).await
}

async fn left(inspector: &lapin::Channel, queue: &str) -> Result<u32> {
    let passive =
        lapin::options::QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
    Ok(inspector.queue_declare(queue.into(), passive, FieldTable::default()).await?.message_count())
}

#[tokio::test]
async fn basic_get_passes_over_what_came_before() -> Result<()> {
    for no_ack in [false, true] {
        let (_bare, inspector) = bare().await?;
        let queue = queue(&inspector, FieldTable::default()).await?;
        replay(&inspector, &queue, 3).await?;
        let (connection, channel) = secured().await?;
        for expected in [request(1), request(2)] {
            let got = channel.basic_get(queue.as_str().into(), BasicGetOptions { no_ack }).await?;
            let got = got.context("nothing")?;
            ensure!(got.data == expected, "another one");
            if !no_ack {
                got.ack(BasicAckOptions::default()).await?;
            }
        }
        ensure!(channel.engine().repeated() == 2, "{}", channel.engine().repeated());
        ensure!(channel.status().connected(), "the broker has closed the channel");
        connection.close(200, "done".into()).await?;
        eventually("nothing is given back", async || left(&inspector, &queue).await.unwrap() == 0)
            .await;
    }
    Ok(())
}

#[tokio::test]
async fn consumers_without_acknowledgements_pass_over_too() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    replay(&inspector, &queue, 3).await?;
    let (_connection, channel) = secured().await?;
    let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let none = FieldTable::default();
    let mut consumer =
        channel.basic_consume(queue.as_str().into(), "".into(), no_ack, none).await?;
    for expected in [request(1), request(2)] {
        let got = next(&mut consumer).await?.context("ended")??;
        ensure!(got.data == expected, "another one");
    }
    // The broker would have closed the channel on an acknowledgement that it does not expect.
    publish(&channel, &queue, &request(3), BasicProperties::default()).await?;
    ensure!(next(&mut consumer).await?.context("ended")??.data == request(3));
    ensure!(channel.engine().repeated() == 2);
    Ok(())
}

#[tokio::test]
async fn a_delegate_is_not_called_for_what_came_before() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let queue = queue(&inspector, FieldTable::default()).await?;
    replay(&inspector, &queue, 3).await?;
    let (connection, channel) = secured().await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue.as_str().into(), "".into(), options, none).await?;
    let (told, mut seen) = mpsc::unbounded_channel();
    consumer.set_delegate(move |delivery| {
        let told = told.clone();
        async move {
            if let Ok(Some(delivery)) = delivery {
                delivery.ack(BasicAckOptions::default()).await.unwrap();
                told.send(delivery.data).unwrap();
            }
        }
    });
    let mut came = Vec::new();
    while came.len() < 2 {
        came.push(timeout(DEADLINE, seen.recv()).await?.context("ended")?);
    }
    ensure!(came.contains(&request(1).to_vec()) && came.contains(&request(2).to_vec()));
    ensure!(channel.engine().repeated() == 2, "{}", channel.engine().repeated());
    connection.close(200, "done".into()).await?;
    eventually("nothing is given back", async || left(&inspector, &queue).await.unwrap() == 0)
        .await;
    Ok(())
}

/// On the default exchange, and at addresses that the broker makes for replies, sender and receiver name a destination alike.
#[tokio::test]
async fn requests_and_direct_replies_are_bound_to_their_destinations() -> Result<()> {
    let (_bare, inspector) = bare().await?;
    let requests = queue(&inspector, FieldTable::default()).await?;
    let (_first, requester) = secured().await?;
    let (_second, service) = secured().await?;
    let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let direct = "amq.rabbitmq.reply-to";
    let mut replies =
        requester.basic_consume(direct.into(), "".into(), no_ack, FieldTable::default()).await?;
    let asking = BasicProperties::default().with_reply_to(direct.into());
    publish(&requester, &requests, b"?", asking).await?;
    let got = service.basic_get(requests.as_str().into(), BasicGetOptions { no_ack: true }).await?;
    let got = got.context("no request")?;
    ensure!(got.data == b"?", "{:?}", got.data);
    let address = got.properties.reply_to().clone().context("no reply address")?;
    publish(&service, address.as_str(), &request(1), BasicProperties::default()).await?;
    let reply = next(&mut replies).await?.context("the consumer ended")?;
    ensure!(reply?.data == request(1), "another reply");
    Ok(())
}

/// Where security is required, a reply is a frame, whoever asked; and a request that is not secured is an error with the request in it.
#[tokio::test]
async fn replies_are_secured_whoever_asks() -> Result<()> {
    let (_bare, requester) = bare().await?;
    let requests = queue(&requester, FieldTable::default()).await?;
    let replies = queue(&requester, FieldTable::default()).await?;
    let (_connection, service) = secured().await?;
    let asking = BasicProperties::default().with_reply_to(replies.as_str().into());
    put(&requester, &requests, b"plain", asking).await?;
    let got = service.basic_get(requests.as_str().into(), BasicGetOptions { no_ack: true }).await;
    let Err(GetError::Open(failure)) = got else {
        anyhow::bail!("opened: {got:?}");
    };
    ensure!(matches!(failure.source, OpenError::Policy(_)) && failure.message.data == b"plain");
    publish(&service, &replies, b"short", BasicProperties::default()).await?;
    let reply = take(&requester, &replies).await?;
    ensure!(reply.data.starts_with(b"#M2M|1|"), "a plain reply");

    let mut consumer = service
        .basic_consume(requests.as_str().into(), "".into(), Default::default(), Default::default())
        .await?;
    put(&requester, &requests, b"plain", BasicProperties::default()).await?;
    let refused = next(&mut consumer).await?.context("ended")?;
    ensure!(matches!(refused, Err(ReceiveError::Open(_))), "opened: {refused:?}");
    Ok(())
}
