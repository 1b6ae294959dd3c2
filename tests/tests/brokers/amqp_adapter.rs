//! What the AMQP adapter does beyond the conformance suite, on a real RabbitMQ.

mod consume;
mod errors;
mod faults;
mod link;
mod publish;
mod replies;
mod returns;
mod secured;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lapin::options::{BasicGetOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, ConnectionProperties};
use m2m_engine::{Config, Engine};
use m2m_tests::harness::{Rabbit, unique};
use tokio::time::timeout;

/// Turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(60);

fn engine() -> Arc<Engine> {
    static ENGINE: LazyLock<Arc<Engine>> =
        LazyLock::new(|| Arc::new(Engine::new(Config::default()).unwrap()));
    Arc::clone(&ENGINE)
}

/// JSON that is worth a frame.
fn request(number: usize) -> Bytes {
    let question = "Which of the shipments that left Rotterdam last week are late? ".repeat(4);
    format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{number} {question}"}}]}}"#
    )
    .into()
}

async fn url() -> Result<&'static str> {
    Ok(Rabbit::shared().await?.url())
}

/// A wrapped channel that confirms.
async fn wrapped() -> Result<(m2m_amqp::Connection, m2m_amqp::Channel)> {
    wrapped_at(url().await?).await
}

async fn wrapped_at(url: &str) -> Result<(m2m_amqp::Connection, m2m_amqp::Channel)> {
    let options = ConnectionProperties::default();
    let connection = m2m_amqp::Connection::connect(url, options, engine()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

/// A bare channel that confirms.
async fn bare() -> Result<(lapin::Connection, lapin::Channel)> {
    bare_at(url().await?).await
}

async fn bare_at(url: &str) -> Result<(lapin::Connection, lapin::Channel)> {
    let connection = lapin::Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

/// A durable queue of the test's own.
async fn queue(channel: &lapin::Channel, arguments: FieldTable) -> Result<String> {
    let name = unique("queue");
    channel.queue_declare(name.as_str().into(), QueueDeclareOptions::durable(), arguments).await?;
    Ok(name)
}

fn arguments<const N: usize>(list: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in list {
        table.insert(name.into(), value);
    }
    table
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// Publishes to a queue, as clients without frames do.
async fn put(
    channel: &lapin::Channel,
    queue: &str,
    payload: &[u8],
    properties: BasicProperties,
) -> Result<()> {
    let confirmation = channel
        .basic_publish("".into(), queue.into(), Default::default(), payload, properties)
        .await?
        .await?;
    anyhow::ensure!(confirmation.is_ack(), "not confirmed: {confirmation:?}");
    Ok(())
}

/// Takes a message from a queue as it is on the wire; waits for it.
async fn take(channel: &lapin::Channel, queue: &str) -> Result<lapin::message::Delivery> {
    let polling = async {
        loop {
            let options = BasicGetOptions { no_ack: true };
            if let Some(message) = channel.basic_get(queue.into(), options).await? {
                return anyhow::Ok(message.delivery);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, polling).await.context("nothing came")?
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Result<Option<S::Item>> {
    timeout(DEADLINE, stream.next()).await.context("nothing came, and no end")
}
