//! async-nats, bare.

use std::str::FromStr;

use anyhow::{Context, Result};
use async_nats::jetstream::consumer::pull;
use async_nats::{HeaderMap, HeaderName, HeaderValue, Message, Subscriber, jetstream};
use futures_util::StreamExt;
use m2m_tests::harness::eventually;
use tokio::time::timeout;

use super::super::place::{Kind, LIMIT, Place};
use super::Native;

pub(super) async fn publish(place: &Place, message: &Native) -> Result<()> {
    let client = async_nats::connect(&place.url).await?;
    let mut headers = HeaderMap::new();
    for (name, value) in message.headers("header ") {
        let value = std::str::from_utf8(value.as_deref().context("NATS has no null")?)?;
        headers.append(HeaderName::from_str(name)?, HeaderValue::from_str(value)?);
    }
    let payload = message.one("payload").cloned().flatten().unwrap_or_default();
    let subject = place.address(0).name;
    if place.kind == Kind::Stream {
        jetstream::new(client).publish_with_headers(subject, headers, payload).await?.await?;
    } else {
        match message.text("reply subject") {
            Some(reply) => {
                let reply = reply.to_owned();
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await?;
            }
            None => client.publish_with_headers(subject, headers, payload).await?,
        }
        client.flush().await?;
    }
    Ok(())
}

fn native(message: &Message) -> Native {
    let mut native = Native::default();
    native.add("payload", Some(message.payload.clone()));
    for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        values
            .iter()
            .for_each(|v| native.add(format!("header {name}"), Some(v.as_str().to_owned())));
    }
    native
}

pub(super) async fn read(place: &Place, count: usize) -> Result<Vec<Native>> {
    let context = jetstream::new(async_nats::connect(&place.url).await?);
    let stream = context.get_stream(&place.name).await?;
    let consumer = stream.create_consumer(pull::Config::default()).await?;
    let mut messages = consumer.messages().await?;
    let mut read = Vec::new();
    while read.len() < count {
        let message = timeout(LIMIT, messages.next()).await?.context("the end")??;
        message.ack().await.map_err(anyhow::Error::from_boxed)?;
        read.push(native(&message));
    }
    Ok(read)
}

/// When the stream stored its first message, in milliseconds.
pub(super) async fn stored(place: &Place) -> Result<i64> {
    let context = jetstream::new(async_nats::connect(&place.url).await?);
    let stream = context.get_stream(&place.name).await?;
    let time = stream.get_raw_message(1).await?.time;
    Ok((time.unix_timestamp_nanos() / 1_000_000) as i64)
}

pub(super) async fn listen(place: &Place) -> Result<Subscriber> {
    let client = async_nats::connect(&place.url).await?;
    let subscriber = client.subscribe(format!("{}.>", place.name)).await?;
    client.flush().await?;
    Ok(subscriber)
}

pub(super) async fn heard(subscriber: &mut Subscriber, count: usize) -> Result<Vec<Native>> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let message = timeout(LIMIT, subscriber.next()).await?.context("the end")?;
        let mut native = native(&message);
        if let Some(reply) = &message.reply {
            native.add("reply subject", Some(reply.to_string()));
        }
        native.unpack();
        heard.push(native);
    }
    Ok(heard)
}

/// Waits until somebody has subscribed to the place: the server answers a request that nobody listens to.
pub(super) async fn wait_for_subscriber(place: &Place) -> Result<()> {
    let client = async_nats::connect(&place.url).await?;
    eventually("the bridge has subscribed", async || {
        let request =
            async_nats::Request::new().timeout(Some(std::time::Duration::from_millis(500)));
        match client.send_request(format!("{}.probe", place.name), request).await {
            Err(error) => error.kind() != async_nats::RequestErrorKind::NoResponders,
            Ok(_) => true,
        }
    })
    .await;
    Ok(())
}
