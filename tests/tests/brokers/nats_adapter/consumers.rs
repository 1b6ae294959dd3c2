//! Pull and push consumers, and every way to settle.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use async_nats::jetstream::consumer::{Info, pull, push};
use async_nats::jetstream::{AckKind, Message};
use futures_util::{Stream, StreamExt};
use m2m_nats::error::{GetMessageError, ReceiveError};
use m2m_nats::jetstream::{Consumer, Context};
use m2m_tests::harness::{eventually, unique};

use super::{frame, long, stream, within, wrapped};

/// A stream with `count` framed messages.
async fn filled(count: usize) -> Result<(Context, String)> {
    let context = m2m_nats::jetstream::new(wrapped().await?);
    let name = stream(context.inner(), Default::default()).await?;
    for n in 0..count {
        context.publish(format!("{name}.a"), long(n)).await?.await?;
    }
    Ok((context, name))
}

async fn pulling(context: &Context, stream: &str) -> Result<Consumer<pull::Config>> {
    let config = pull::Config {
        durable_name: Some("pull".into()),
        ack_wait: Duration::from_secs(60),
        ..pull::Config::default()
    };
    Ok(context.create_consumer_on_stream(config, stream).await?)
}

async fn next(
    messages: &mut (impl Stream<Item = Result<Message, ReceiveError>> + Unpin),
) -> Result<Message> {
    Ok(within("a message", messages.next()).await?.context("ended")??)
}

fn anyhow(error: async_nats::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error)
}

async fn settled(consumer: &Consumer<pull::Config>, what: impl Fn(&Info) -> bool) {
    eventually("the consumer to be so", async || what(&consumer.get_info().await.unwrap())).await;
}

#[tokio::test]
async fn acknowledged_messages_are_done_with() -> Result<()> {
    let (context, name) = filled(3).await?;
    let consumer = pulling(&context, &name).await?;
    let mut messages = consumer.messages().await?;
    for n in 0..3 {
        let message = next(&mut messages).await?;
        ensure!(message.payload == long(n) && message.headers.is_none());
        ensure!(message.info().map_err(anyhow)?.stream_sequence == u64::try_from(n)? + 1);
        match n {
            0 => message.ack().await,
            1 => message.ack_with(AckKind::Ack).await,
            _ => message.double_ack().await,
        }
        .map_err(anyhow)?;
    }
    settled(&consumer, |info| info.num_ack_pending == 0 && info.ack_floor.stream_sequence == 3)
        .await;
    Ok(())
}

#[tokio::test]
async fn refused_messages_come_again_opened() -> Result<()> {
    let (context, name) = filled(1).await?;
    let consumer = pulling(&context, &name).await?;
    let mut messages = consumer.messages().await?;
    for delivered in 1..=3 {
        let message = next(&mut messages).await?;
        ensure!(message.payload == long(0));
        ensure!(message.info().map_err(anyhow)?.delivered == delivered);
        let delay = (delivered == 2).then_some(Duration::from_millis(10));
        message.ack_with(AckKind::Nak(delay)).await.map_err(anyhow)?;
    }
    next(&mut messages).await?.double_ack().await.map_err(anyhow)?;
    Ok(())
}

#[tokio::test]
async fn terminated_messages_do_not_come_again_and_progress_is_taken() -> Result<()> {
    let (context, name) = filled(2).await?;
    let consumer = pulling(&context, &name).await?;
    let mut messages = consumer.messages().await?;
    let first = next(&mut messages).await?;
    first.ack_with(AckKind::Progress).await.map_err(anyhow)?;
    first.double_ack_with(AckKind::Progress).await.map_err(anyhow)?;
    settled(&consumer, |info| info.num_redelivered == 0 && info.num_ack_pending == 2).await;
    first.double_ack_with(AckKind::Term).await.map_err(anyhow)?;
    let second = next(&mut messages).await?;
    ensure!(second.payload == long(1), "the first one came again");
    second.double_ack().await.map_err(anyhow)?;
    settled(&consumer, |info| info.num_ack_pending == 0 && info.num_redelivered == 0).await;
    Ok(())
}

#[tokio::test]
async fn every_way_to_pull_opens() -> Result<()> {
    let (context, name) = filled(9).await?;
    let streaming = context.create_consumer_on_stream(pull::Config::default(), &name).await?;
    let stream = streaming.stream().max_messages_per_batch(3).expires(super::DEADLINE);
    let mut stream = stream.messages().await?;
    for n in 0..9 {
        ensure!(next(&mut stream).await?.payload == long(n), "not in the place of {n}");
    }

    let consumer = pulling(&context, &name).await?;
    let mut expected = 0;
    let mut check = async |message: Message| {
        ensure!(message.payload == long(expected), "not in the place of {expected}");
        expected += 1;
        message.double_ack().await.map_err(anyhow)
    };
    let mut fetched = consumer.fetch().max_messages(3).messages().await?;
    while let Some(message) = within("the fetched", fetched.next()).await? {
        check(message?).await?;
    }
    let batch = consumer.batch().max_messages(3).expires(super::DEADLINE);
    let mut batch = batch.messages().await?;
    while let Some(message) = within("the batch", batch.next()).await? {
        check(message?).await?;
    }
    let mut sequence = consumer.sequence(3)?;
    let mut batch = within("a batch", sequence.next()).await?.context("ended")??;
    while let Some(message) = within("the sequence", batch.next()).await? {
        check(message?).await?;
    }
    ensure!(expected == 9, "{expected} came");
    Ok(())
}

#[tokio::test]
async fn push_consumers_open_and_settle() -> Result<()> {
    let (context, name) = filled(3).await?;
    let config = push::Config {
        durable_name: Some("push".into()),
        deliver_subject: unique("deliver"),
        ack_wait: Duration::from_secs(60),
        ..push::Config::default()
    };
    let stream = context.get_stream(&name).await?;
    let consumer = stream.create_consumer(config).await?;
    let mut messages = consumer.messages().await?;
    let refused = next(&mut messages).await?;
    ensure!(refused.payload == long(0) && refused.headers.is_none());
    refused.ack_with(AckKind::Nak(None)).await.map_err(anyhow)?;
    let mut came = Vec::new();
    while came.len() < 3 {
        let message = next(&mut messages).await?;
        message.double_ack().await.map_err(anyhow)?;
        came.push(message.payload.clone());
    }
    came.sort();
    let mut all: Vec<_> = (0..3).map(long).collect();
    all.sort();
    ensure!(came == all, "the refused one did not come again");
    ensure!(consumer.get_info().await?.num_ack_pending == 0);

    Ok(())
}

#[tokio::test]
async fn ordered_consumers_open() -> Result<()> {
    let (context, name) = filled(20).await?;
    let pull = context.create_consumer_on_stream(pull::OrderedConfig::default(), &name).await?;
    let mut pulled = pull.messages().await?;
    let push = push::OrderedConfig {
        deliver_subject: unique("deliver"),
        ..push::OrderedConfig::default()
    };
    let mut pushed = context.create_consumer_on_stream(push, &name).await?.messages().await?;
    for n in 0..20 {
        ensure!(next(&mut pulled).await?.payload == long(n));
        ensure!(next(&mut pushed).await?.payload == long(n));
    }
    Ok(())
}

#[tokio::test]
async fn an_unopenable_message_can_be_dead_lettered_and_acknowledged() -> Result<()> {
    let (context, name) = filled(0).await?;
    let dead = stream(context.inner(), Default::default()).await?;
    let whole = frame(&long(1));
    let damaged = whole.slice(..whole.len() - 1);
    context.inner().publish(format!("{name}.a"), damaged.clone()).await?.await?;
    context.publish(format!("{name}.a"), long(2)).await?.await?;
    let consumer = pulling(&context, &name).await?;
    let mut messages = consumer.messages().await?;
    let error = within("the error", messages.next()).await?.context("ended")?.err();
    let Some(ReceiveError::Open(failure)) = error else { bail!("{error:?}") };
    let raw = failure.message;
    context.inner().publish(format!("{dead}.a"), raw.payload.clone()).await?.await?;
    raw.double_ack().await.map_err(anyhow)?;
    ensure!(next(&mut messages).await?.payload == long(2), "it stands in the way");

    let letters = context.get_stream(&dead).await?;
    ensure!(letters.inner().get_raw_message(1).await?.payload == damaged);
    match letters.get_raw_message(1).await {
        Err(GetMessageError::Open(failure)) => ensure!(failure.message.payload == damaged),
        other => bail!("{other:?}"),
    }
    Ok(())
}
