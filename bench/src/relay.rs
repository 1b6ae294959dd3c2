//! The relay against the bare clients in a plain loop with the same guarantees, and against mq-bridge where its `mqb` is on the PATH.

mod arrival;
mod bare;
mod mqb;
mod ours;
mod pace;
mod place;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use m2m_engine::{Config, Engine, Framing, Outbound};
use m2m_tests::harness::{Kafka, Nats, Rabbit};

use crate::report::{Plot, Report, Table};
use crate::setup::Setup;
use crate::timing::Rounds;
use arrival::Arrival;
use mqb::Mqb;
use place::{Kind, Place};

/// The three brokers.
pub(crate) struct Brokers {
    nats: Nats,
    kafka: Kafka,
    rabbit: Rabbit,
}

/// Who relays.
#[derive(Clone, Copy)]
enum Side<'a> {
    Ours,
    Bare,
    Mqb(&'a Mqb),
}

/// # Errors
/// When a broker does not start, and when we or the bare loop lose, double or reorder a message.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(measure(setup))
}

const PAIRS: [(Kind, Kind); 3] =
    [(Kind::Stream, Kind::Kafka), (Kind::Kafka, Kind::Stream), (Kind::Rabbit, Kind::Kafka)];
/// The longest that relaying everything may take.
const LIMIT: Duration = Duration::from_secs(120);

async fn measure(setup: &Setup) -> anyhow::Result<Report> {
    let (nats, kafka, rabbit) = tokio::try_join!(Nats::start(), Kafka::start(), Rabbit::start())?;
    let brokers = Brokers { nats, kafka, rabbit };
    let mqb = Mqb::find()?;
    let count = if setup.smoke { 200 } else { 20_000 };
    let frames = frames(count)?;
    let len = frames.iter().map(Bytes::len).sum::<usize>() / count;
    let note = format!(
        "{count} frames of {len} bytes, waiting on the source. Messages/s are those that come to lie on the target between the first tenth and the last, as its broker says, so that start-up does not count. Each is confirmed by the target (acks=all and idempotent on Kafka, deduplicated and acknowledged by JetStream) before it is acknowledged to the source; what arrived is compared with what was sent. {}",
        mqb::SETTINGS
    );
    let mut table = Table::new(
        "relay",
        &note,
        &["route", "by", "messages/s", "% of the bare loop (quartiles)", "lost, doubled, moved"],
    );
    let mut plot = Plot::new("relay", "Relay: messages/s, % of the bare loop", Some(80.0));
    let mut sides = vec![Side::Bare, Side::Ours];
    sides.extend(mqb.as_ref().map(Side::Mqb));
    for (from, to) in PAIRS {
        let name = format!("{} -> {}", from.name(), to.name());
        let mut figures = vec![(Rounds::default(), Arrival::default()); sides.len()];
        for round in 0..setup.rounds.min(7) {
            for turn in 0..sides.len() {
                let at = (round + turn) % sides.len();
                let (speed, arrival) = relay(sides[at], (from, to), &brokers, &frames)
                    .await
                    .with_context(|| name.clone())?;
                let (rounds, arrivals) = &mut figures[at];
                rounds.0.push(speed);
                arrivals.add(arrival);
            }
        }
        let bare = figures[0].0.clone();
        for (side, (speeds, arrival)) in sides.iter().zip(figures) {
            let ratio = Rounds(speeds.over(&bare).0.iter().map(|ratio| ratio * 100.0).collect());
            let (by, percent) = match side {
                Side::Bare => ("bare loop".to_owned(), "100".to_owned()),
                Side::Ours => ("ours".to_owned(), ratio.percent()),
                Side::Mqb(mqb) => (mqb.version.clone(), ratio.percent()),
            };
            if !matches!(side, Side::Bare) {
                plot.bar(format!("{name}, {by}"), ratio.median());
            }
            let speed = format!("{:.0}", speeds.median());
            table.row([name.clone(), by, speed, percent, arrival.to_string()]);
        }
    }
    if mqb.is_none() {
        table.row(["all routes", "mqb", "it is not on the PATH", "-", "-"]);
    }
    Ok(Report { tables: vec![table], plots: vec![plot] })
}

/// Relays all of it once, from a new source to a new target. Messages a second, and what arrived.
async fn relay(
    side: Side<'_>,
    (from, to): (Kind, Kind),
    brokers: &Brokers,
    frames: &[Bytes],
) -> anyhow::Result<(f64, Arrival)> {
    let source = Place::new(from, brokers).await?;
    let target = Place::new(to, brokers).await?;
    source.fill(brokers, frames).await?;
    let pace = pace::of(&target, brokers, frames.len());
    let relayed = async {
        match side {
            Side::Ours => ours::relay(&source, &target, brokers, pace).await,
            Side::Bare => {
                let relayed = bare::relay(&source, &target, brokers, frames.len());
                Ok(tokio::try_join!(relayed, pace)?.1)
            }
            Side::Mqb(mqb) => mqb.relay(&source, &target, brokers, pace).await,
        }
    };
    let speed = tokio::time::timeout(LIMIT, relayed).await.context("not done in time")??;
    let arrival = Arrival::compare(frames, &target.take(brokers).await?);
    if !matches!(side, Side::Mqb(_)) {
        ensure!(arrival.is_exact(), "of {}: {arrival}", frames.len());
    }
    source.remove(brokers).await?;
    target.remove(brokers).await?;
    Ok((speed, arrival))
}

/// Frames of about 1 KB that do not compress, each with a number.
fn frames(count: usize) -> anyhow::Result<Vec<Bytes>> {
    let engine = Engine::new(Config { framing: Framing::Always, ..Config::default() })?;
    let mut rng = fastrand::Rng::with_seed(1);
    let mut frame = |number: usize| {
        let noise: String = (0..1_180).map(|_| rng.alphanumeric()).collect();
        let json = format!(
            r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{number} {noise}"}}]}}"#
        );
        let wrapped = engine.wrap(json.as_bytes(), &Outbound::to("bench"))?;
        anyhow::Ok(Bytes::from(wrapped.bytes.into_owned()))
    };
    (0..count).map(&mut frame).collect()
}
