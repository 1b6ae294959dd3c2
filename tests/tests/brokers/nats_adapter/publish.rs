//! Publishing on JetStream.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use futures_util::StreamExt;
use m2m_nats::error::JetStreamPublishError;
use m2m_tests::harness::unique;

use super::{header, long, stream, within, wrapped};

#[tokio::test]
async fn acknowledgements_in_flight_keep_the_order() -> Result<()> {
    const SENT: usize = 2000;
    const IN_FLIGHT: usize = 256;
    let context = m2m_nats::jetstream::new(wrapped().await?);
    let name = stream(context.inner(), Default::default()).await?;
    let mut in_flight = VecDeque::new();
    for n in 0..SENT {
        in_flight.push_back(context.publish(format!("{name}.a"), long(n)).await?);
        if in_flight.len() == IN_FLIGHT
            && let Some(oldest) = in_flight.pop_front()
        {
            within("an acknowledgement", oldest.into_future()).await??;
        }
    }
    for acknowledgement in in_flight {
        within("an acknowledgement", acknowledgement.into_future()).await??;
    }
    let ordered = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::All,
        ..pull::OrderedConfig::default()
    };
    let mut messages = context.create_consumer_on_stream(ordered, &name).await?.messages().await?;
    for n in 0..SENT {
        let message = within("a message", messages.next()).await?.context("ended")??;
        ensure!(message.payload == long(n), "not in the place of {n}");
    }
    Ok(())
}

#[tokio::test]
async fn all_that_a_publish_message_says_is_kept() -> Result<()> {
    let context = m2m_nats::jetstream::new(wrapped().await?);
    let name = stream(context.inner(), Default::default()).await?;
    let subject = format!("{name}.a");
    let message = || PublishMessage::build().payload(long(1)).message_id("id-1");
    let message = || message().header("x-tenant", "größer");
    let first = context.send_publish(subject.clone(), message()).await?.await?;
    ensure!(first.stream == name && first.sequence == 1 && !first.duplicate);
    ensure!(context.send_publish(subject.clone(), message()).await?.await?.duplicate);

    let handle = context.get_stream(&name).await?;
    let stored = handle.inner().get_raw_message(1).await?;
    ensure!(header(Some(&stored.headers), "Content-Encoding") == Some("m2m"), "not framed");
    let opened = handle.get_raw_message(1).await?;
    ensure!(opened.payload == long(1));
    ensure!(header(Some(&opened.headers), "x-tenant") == Some("größer"));
    ensure!(header(Some(&opened.headers), "Content-Encoding").is_none());

    let late = PublishMessage::build().payload(long(2)).expected_last_sequence(99);
    let error = context.send_publish(subject, late).await?.await.err().context("it was stored")?;
    ensure!(error.kind() == Some(PublishErrorKind::WrongLastSequence), "{error:?}");
    ensure!(error.into_payload() == long(2));
    Ok(())
}

#[tokio::test]
async fn a_subject_without_a_stream_gives_the_payload_back() -> Result<()> {
    let context = m2m_nats::jetstream::new(wrapped().await?);
    let acknowledgement = context.publish(unique("nowhere"), long(1)).await?;
    let error = acknowledgement.await.err().context("it was stored")?;
    ensure!(matches!(error, JetStreamPublishError::NoStream { .. }), "{error:?}");
    ensure!(error.into_payload() == long(1), "not the payload that was given");
    Ok(())
}

#[tokio::test]
async fn what_is_not_awaited_is_stored_all_the_same() -> Result<()> {
    let context = m2m_nats::jetstream::new(wrapped().await?);
    let name = stream(context.inner(), Default::default()).await?;
    for n in 0..10 {
        drop(context.publish(format!("{name}.a"), long(n)).await?);
    }
    within("all acknowledgements", context.wait_for_acks()).await?;
    let mut handle = context.get_stream(&name).await?;
    ensure!(handle.info().await?.state.messages == 10);
    let all = handle.get_or_create_consumer("d", pull::Config::default()).await?;
    let mut messages = all.fetch().max_messages(10).messages().await?;
    for n in 0..10 {
        let message = within("a message", messages.next()).await?.context("ended")??;
        ensure!(message.payload == long(n), "not in the place of {n}");
    }
    Ok(())
}
