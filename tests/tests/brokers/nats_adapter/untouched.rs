//! What the adapter leaves alone.

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::{self, consumer::pull};
use futures_util::StreamExt;
use m2m_tests::harness::unique;
use serde_json::Value;

use super::{bare, frame, header, is_framed, long, round_trip, stream, within, wrapped};

#[tokio::test]
async fn subjects_of_the_server_pass_as_they_are_both_ways() -> Result<()> {
    let (client, bare) = (wrapped().await?, bare().await?);
    let subject = format!("$X.{}", unique("own"));
    let mut wire = bare.subscribe(subject.clone()).await?;
    round_trip(&bare).await?;
    let mut subscriber = client.subscribe(subject.clone()).await?;
    client.publish_with_reply(subject.clone(), client.new_inbox(), long(1)).await?;
    let out = within("the message out", wire.next()).await?.context("ended")?;
    ensure!(out.payload == long(1) && out.headers.is_none(), "changed: {out:?}");
    within("the message in", subscriber.next()).await?.context("ended")??;
    bare.publish(subject.clone(), frame(&long(2))).await?;
    let seen = within("the frame in", subscriber.next()).await?.context("ended")??;
    ensure!(seen.payload == frame(&long(2)), "opened");

    // The API of JetStream itself.
    let account = client.request("$JS.API.INFO", "".into()).await?;
    let account: Value = serde_json::from_slice(&account.payload)?;
    ensure!(account["type"].as_str().is_some_and(|kind| kind.contains("account_info")));
    Ok(())
}

#[tokio::test]
async fn buckets_are_not_framed() -> Result<()> {
    let client = wrapped().await?;
    let context = m2m_nats::jetstream::new(client);
    let (name, subject) = (unique("KV"), format!("$KV.{}.key", unique("bucket")));
    let bucket = jetstream::stream::Config {
        name: name.clone(),
        subjects: vec![subject.clone()],
        allow_direct: true,
        ..Default::default()
    };
    let bucket = context.create_stream(bucket).await?;
    context.publish(subject.clone(), long(1)).await?.await?;
    context.publish(subject.clone(), frame(&long(2))).await?.await?;
    let stored = bucket.inner().get_raw_message(1).await?;
    ensure!(stored.payload == long(1) && stored.headers.is_empty(), "changed: {stored:?}");
    ensure!(bucket.get_raw_message(2).await?.payload == frame(&long(2)), "opened");
    ensure!(bucket.direct_get_last_for_subject(subject).await?.payload == frame(&long(2)));
    Ok(())
}

#[tokio::test]
async fn messages_without_their_payload_keep_their_headers() -> Result<()> {
    let context = m2m_nats::jetstream::new(wrapped().await?);
    let name = stream(context.inner(), Default::default()).await?;
    context.publish(format!("{name}.a"), long(1)).await?.await?;
    let config =
        pull::Config { durable_name: Some("d".into()), headers_only: true, ..Default::default() };
    let consumer = context.create_consumer_on_stream(config, &name).await?;
    let mut messages = consumer.messages().await?;
    let message = within("a message", messages.next()).await?.context("ended")??;
    ensure!(message.payload.is_empty() && !is_framed(&message));
    ensure!(header(message.headers.as_ref(), "Content-Encoding") == Some("m2m"));
    let size = header(message.headers.as_ref(), "Nats-Msg-Size").context("no size")?;
    ensure!(size.parse::<usize>()? < long(1).len(), "the size of the frame: {size}");
    Ok(())
}
