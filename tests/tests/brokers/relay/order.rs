//! A single message is refused for a while, those behind it are not: order holds all the same.

use anyhow::{Result, ensure};
use async_nats::jetstream::{self, stream};
use m2m_engine::bus::Envelope;
use m2m_tests::harness::eventually;

use super::bridge::{Running, route};
use super::messages::number;
use super::place::{Kind, Place};

/// JetStream refuses what would not fit into a stream of a bounded size: a long message waits for room that short ones behind it find.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_refused_for_a_while_is_not_overtaken_for_good() -> Result<()> {
    let from = Place::new(Kind::Memory).await?;
    let to = Place::new(Kind::Stream).await?;
    let context = jetstream::new(async_nats::connect(&to.url).await?);
    let limits = stream::Config {
        name: to.name.clone(),
        subjects: vec![format!("{}.>", to.name)],
        max_bytes: 64 << 10,
        discard: stream::DiscardPolicy::New,
        ..Default::default()
    };
    context.update_stream(limits.clone()).await?;
    context.publish(to.address(1).name, vec![0; 40 << 10].into()).await?.await?;

    let lens = [10, 40 << 10, 11, 12, 13];
    let messages = lens.iter().enumerate().map(|(number, len)| Envelope {
        address: from.address(0),
        payload: Some(vec![0; *len].into()),
        headers: vec![m2m_engine::bus::headers::Header::text("number", number.to_string())],
        ..Envelope::default()
    });
    from.feed(messages.collect()).await?;
    let retry = "lanes = 1\nretry = { min_backoff = '50ms', max_backoff = '100ms' }";
    let running = Running::start(&[&from, &to], &route("r", &from, &to, retry))?;
    eventually("the long one has been refused", async || {
        running.bridge.counters()["r"].failed >= 3
    })
    .await;
    // Those behind it fit, and were accepted once: they are not sent again until the long one is through.
    let mut stream = context.get_stream(&to.name).await?;
    let stored = stream.info().await?.state.messages;
    ensure!(stored <= 1 + lens.len() as u64, "{stored} messages are stored");

    context.update_stream(stream::Config { max_bytes: 1 << 20, ..limits }).await?;
    let mut taker = to.taker().await?;
    let arrived = taker
        .wait_until("the last in order", |arrived| {
            let numbers: Vec<_> = arrived.iter().filter_map(|e| number(e).ok()).collect();
            numbers.ends_with(&[1, 2, 3, 4])
        })
        .await?;
    ensure!(arrived.len() <= 1 + 2 * lens.len(), "{} arrived", arrived.len());
    let counted = running.stop().await?.routes["r"];
    ensure!(counted.acknowledged == 5 && counted.dead_lettered == 0, "{counted:?}");
    Ok(())
}
