//! A single message is refused for a while, those behind it are not: order holds all the same.

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::{self, stream};
use m2m_engine::bus::Envelope;
use m2m_engine::bus::headers::Header;
use m2m_tests::harness::eventually;

use super::bridge::{Running, route};
use super::messages::number;
use super::place::{Kind, Place};

/// A stream of 64 KiB with 40 KiB in it, and messages of which only the second has no room.
struct Full {
    from: Place,
    to: Place,
    context: jetstream::Context,
    limits: stream::Config,
}

const LENS: [usize; 5] = [10, 40 << 10, 11, 12, 13];

impl Full {
    async fn new() -> Result<Self> {
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
        let messages = LENS.iter().enumerate().map(|(number, len)| Envelope {
            address: from.address(0),
            payload: Some(vec![0; *len].into()),
            headers: vec![Header::text("number", number.to_string())],
            ..Envelope::default()
        });
        from.feed(messages.collect()).await?;
        Ok(Self { from, to, context, limits })
    }
}

/// The numbers of messages, in the order in which they came.
fn numbers(arrived: &[Envelope]) -> Vec<usize> {
    arrived.iter().filter_map(|envelope| number(envelope).ok()).collect()
}

/// A long message waits for room, which short ones behind it have found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_refused_for_a_while_is_not_overtaken_for_good() -> Result<()> {
    let Full { from, to, context, limits } = Full::new().await?;
    let retry = "lanes = 1\nretry = { min_backoff = '50ms', max_backoff = '100ms' }";
    let running = Running::start(&[&from, &to], &route("r", &from, &to, retry))?;
    eventually("the long one has been refused", async || {
        running.bridge.counters()["r"].failed >= 3
    })
    .await;
    // Those behind it fit, and were accepted once: they are not sent again until the long one is through.
    let mut stream = context.get_stream(&to.name).await?;
    let stored = stream.info().await?.state.messages;
    ensure!(stored <= 1 + LENS.len() as u64, "{stored} messages are stored");

    context.update_stream(stream::Config { max_bytes: 1 << 20, ..limits }).await?;
    let mut taker = to.taker().await?;
    let last = |arrived: &[Envelope]| numbers(arrived).ends_with(&[1, 2, 3, 4]);
    let arrived = taker.wait_until("the last in order", last).await?;
    ensure!(arrived.len() <= 1 + 2 * LENS.len(), "{} arrived", arrived.len());
    let counted = running.stop().await?.routes["r"];
    ensure!(counted.acknowledged == 5 && counted.dead_lettered == 0, "{counted:?}");
    Ok(())
}

/// The room never comes: after some attempts the message is buried, and those behind it go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_refused_for_too_long_is_buried() -> Result<()> {
    let Full { from, to, .. } = Full::new().await?;
    let dead = from.beside().await?;
    let (mut delivered, mut buried) = (to.taker().await?, dead.taker().await?);
    let more = format!(
        "lanes = 1\ndead_letter = {{ {} }}\nretry = {{ max_attempts = 3, min_backoff = '10ms', max_backoff = '20ms' }}",
        dead.to()
    );
    let running = Running::start(&[&from, &to], &route("r", &from, &to, &more))?;
    let letter = &buried.wait(1).await?[0];
    ensure!(number(letter)? == 1);
    let reason = letter.header("m2m-dead-letter-reason").context("no reason")?;
    ensure!(reason.starts_with("gave up after 3 attempts"), "{reason}");
    let last = |arrived: &[Envelope]| numbers(arrived).ends_with(&[2, 3, 4]);
    delivered.wait_until("those behind it", last).await?;
    let counted = running.stop().await?.routes["r"];
    ensure!((counted.acknowledged, counted.dead_lettered) == (5, 1), "{counted:?}");
    Ok(())
}
