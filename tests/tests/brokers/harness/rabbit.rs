use anyhow::{Context, Result};
use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use m2m_tests::harness::{Rabbit, RabbitOptions, unique};

const PERSISTENT: u8 = 2;

#[tokio::test]
async fn takes_a_message_and_gives_it() -> Result<()> {
    let (_connection, channel) = open(Rabbit::shared().await?.url()).await?;
    let queue = unique("greetings");
    declare(&channel, &queue, QueueDeclareOptions::default()).await?;
    publish(&channel, &queue, "hello").await?;
    let mut consumer = channel
        .basic_consume(
            queue.into(),
            "reader".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let delivery = consumer.next().await.context("no message")??;
    assert_eq!(delivery.data, b"hello");
    Ok(())
}

#[tokio::test]
async fn keeps_its_queue_through_kill_and_stop() -> Result<()> {
    let mut rabbit = Rabbit::start().await?;
    let url = rabbit.url().to_owned();
    let (_connection, channel) = open(&url).await?;
    declare(&channel, "orders", QueueDeclareOptions::durable()).await?;
    publish(&channel, "orders", "1").await?;

    rabbit.kill().await?;
    assert!(open(&url).await.is_err(), "it still runs");
    rabbit.start_again().await?;
    assert_eq!(rabbit.url(), url);
    let (_connection, channel) = open(&url).await?;
    assert_eq!(take(&channel, "orders").await?, "1");

    publish(&channel, "orders", "2").await?;
    rabbit.stop().await?;
    assert!(open(&url).await.is_err(), "it still runs");
    rabbit.start_again().await?;
    let (_connection, channel) = open(&url).await?;
    assert_eq!(take(&channel, "orders").await?, "2");
    Ok(())
}

#[tokio::test]
async fn takes_its_options() -> Result<()> {
    let options = RabbitOptions { config: "max_message_size = 1000".to_owned() };
    let rabbit = Rabbit::start_with(options).await?;
    let (_connection, channel) = open(rabbit.url()).await?;
    declare(&channel, "small", QueueDeclareOptions::default()).await?;
    publish(&channel, "small", "fits").await?;
    let refused = publish(&channel, "small", &"x".repeat(2_000)).await;
    assert!(refused.is_err(), "the limit does not hold");
    Ok(())
}

async fn open(url: &str) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

async fn declare(channel: &Channel, queue: &str, options: QueueDeclareOptions) -> Result<()> {
    channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
    Ok(())
}

async fn publish(channel: &Channel, queue: &str, payload: &str) -> Result<()> {
    let confirm = channel
        .basic_publish(
            "".into(),
            queue.into(),
            BasicPublishOptions::default(),
            payload.as_bytes(),
            BasicProperties::default().with_delivery_mode(PERSISTENT),
        )
        .await?
        .await?;
    anyhow::ensure!(confirm.is_ack(), "not confirmed: {confirm:?}");
    Ok(())
}

async fn take(channel: &Channel, queue: &str) -> Result<String> {
    let options = BasicGetOptions { no_ack: true };
    let got = channel.basic_get(queue.into(), options).await?;
    let got = got.context("the queue is empty")?;
    Ok(String::from_utf8(got.delivery.data)?)
}
