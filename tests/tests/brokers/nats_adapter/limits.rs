//! Messages at the server's `max_payload`.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::StreamExt;
use m2m_nats::error::JetStreamPublishError;
use m2m_nats::{Client, PublishError, RequestError};
use m2m_tests::harness::{Nats, NatsOptions};

use super::{bare, engine, round_trip, stream, within};

const MAX: usize = 4096;

/// Bytes that cannot be made smaller.
fn noise(len: usize) -> Bytes {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

async fn server() -> Result<(Nats, Client)> {
    let options = NatsOptions { max_payload: u32::try_from(MAX)?, ..NatsOptions::default() };
    let server = Nats::start_with(options).await?;
    let client = m2m_nats::connect(server.url(), engine()).await?;
    Ok((server, client))
}

#[tokio::test]
async fn the_frame_is_what_counts() -> Result<()> {
    let (_server, client) = server().await?;
    let mut subscriber = client.subscribe("a.>").await?;
    round_trip(client.inner()).await?;

    // To the byte, as the bare client: no header of ours is in the way.
    client.publish("a.b", noise(MAX)).await?;
    client.publish_with_reply("a.b", client.new_inbox(), noise(MAX)).await?;
    let long = Bytes::from("again and again ".repeat(MAX));
    client.publish("a.b", long.clone()).await?;
    for expected in [noise(MAX), noise(MAX), long] {
        let message = within("a message", subscriber.next()).await?.context("ended")??;
        ensure!(message.payload == expected, "changed");
    }

    let error = client.publish("a.b", noise(MAX + 1)).await.err().context("it went")?;
    match &error {
        PublishError::MaxPayload { len, limit, .. } => ensure!((*len, *limit) == (MAX + 1, MAX)),
        other => bail!("{other:?}"),
    }
    ensure!(error.kind() == Some(async_nats::PublishErrorKind::MaxPayloadExceeded));
    ensure!(error.into_payload() == noise(MAX + 1));

    let error = client.request("a.b", noise(MAX + 1)).await.err().context("it went")?;
    ensure!(matches!(error, RequestError::MaxPayload { .. }), "{error:?}");
    ensure!(error.into_payload() == Some(noise(MAX + 1)));

    // The connection has not suffered.
    client.publish("a.b", "after".into()).await?;
    let message = within("a message", subscriber.next()).await?.context("ended")??;
    ensure!(message.payload == "after");
    Ok(())
}

#[tokio::test]
async fn on_jetstream_too() -> Result<()> {
    let (_server, client) = server().await?;
    let context = m2m_nats::jetstream::new(client);
    let name = stream(context.inner(), Default::default()).await?;
    let subject = format!("{name}.a");
    let long = Bytes::from("again and again ".repeat(MAX));
    for payload in [noise(MAX), long] {
        let stored = context.publish(subject.clone(), payload.clone()).await?.await?;
        let stream = context.get_stream(&name).await?;
        ensure!(stream.get_raw_message(stored.sequence).await?.payload == payload);
    }
    let error = context.publish(subject, noise(MAX + 1)).await.err().context("it went")?;
    ensure!(matches!(error, JetStreamPublishError::MaxPayload { limit: MAX, .. }), "{error:?}");
    ensure!(error.into_payload() == noise(MAX + 1));
    Ok(())
}

#[tokio::test]
async fn a_payload_over_the_engines_own_limit_is_given_back() -> Result<()> {
    let mut config = m2m_engine::Config::default();
    config.limits.inflated = 1000;
    let engine = std::sync::Arc::new(m2m_engine::Engine::new(config)?);
    let client = Client::new(bare().await?, engine);
    let error = client.publish("a.b", noise(1001)).await.err().context("it went")?;
    ensure!(matches!(error, PublishError::Wrap { .. }), "{error:?}");
    ensure!(error.into_payload() == noise(1001));
    Ok(())
}
