//! The relay against the bare clients in a plain loop with the same guarantees.

mod bare;
mod place;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use m2m_bridge::{Bridge, Config as BridgeConfig, MemoryBuses};
use m2m_engine::{Config, Engine, Framing, Outbound};
use m2m_tests::harness::{Kafka, Nats, Rabbit};
use tokio_util::sync::CancellationToken;

use crate::report::{Plot, Report, Table};
use crate::setup::Setup;
use crate::timing::Rounds;
use place::{Kind, Place};

/// The three brokers.
pub(crate) struct Brokers {
    nats: Nats,
    kafka: Kafka,
    rabbit: Rabbit,
}

/// # Errors
/// When a broker does not start, and when a message is lost or out of order.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(measure(setup))
}

const PAIRS: [(Kind, Kind); 3] =
    [(Kind::Stream, Kind::Kafka), (Kind::Kafka, Kind::Stream), (Kind::Rabbit, Kind::Kafka)];

async fn measure(setup: &Setup) -> anyhow::Result<Report> {
    let (nats, kafka, rabbit) = tokio::try_join!(Nats::start(), Kafka::start(), Rabbit::start())?;
    let brokers = Brokers { nats, kafka, rabbit };
    let count = if setup.smoke { 200 } else { 50_000 };
    let frames = frames(count)?;
    let len = frames.iter().map(Bytes::len).sum::<usize>() / count;
    let note = format!(
        "{count} frames of {len} bytes, waiting on the source; from the first tenth to the last message, so that start-up does not count. Each is confirmed by the target before it is acknowledged to the source; all of them, and their order, are checked on the target."
    );
    let mut table = Table::new(
        "relay",
        &note,
        &["route", "ours, messages/s", "bare loop, messages/s", "ours, % of bare (quartiles)"],
    );
    let mut plot = Plot::new("relay", "messages/s, % of the bare loop", Some(80.0));
    for (from, to) in PAIRS {
        let (mut ours, mut bare) = (Rounds::default(), Rounds::default());
        let rounds = setup.rounds.min(7);
        for round in 0..rounds {
            let sides = if round % 2 == 0 { [true, false] } else { [false, true] };
            for side in sides {
                let source = Place::new(from, &brokers).await?;
                let target = Place::new(to, &brokers).await?;
                source.fill(&brokers, &frames).await?;
                let speed = if side {
                    bridged(&source, &target, &brokers, count).await?
                } else {
                    bare::relay(&source, &target, &brokers, count).await?
                };
                let arrived = target.take(&brokers, count).await?;
                ensure!(arrived == frames, "{}: lost or out of order", from.name());
                if side { &mut ours } else { &mut bare }.0.push(speed);
                source.remove(&brokers).await?;
                target.remove(&brokers).await?;
            }
        }
        let ratio = Rounds(ours.over(&bare).0.iter().map(|ratio| ratio * 100.0).collect());
        let name = format!("{} -> {}", from.name(), to.name());
        table.row([
            name.clone(),
            format!("{:.0}", ours.median()),
            format!("{:.0}", bare.median()),
            format!(
                "{:.0} ({:.0}-{:.0})",
                ratio.median(),
                ratio.quantile(0.25),
                ratio.quantile(0.75)
            ),
        ]);
        plot.bar(name, ratio.median());
    }
    Ok(Report { tables: vec![table], plots: vec![plot] })
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

/// Messages a second from the first tenth to the last, by a clock that is read when the count has passed each.
pub(crate) struct Pace {
    count: usize,
    begun: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(count: usize) -> Self {
        Self { count, begun: None }
    }

    /// Told how many are done; the speed when all are.
    pub(crate) fn done(&mut self, done: usize) -> Option<f64> {
        if self.begun.is_none() && done >= self.count / 10 {
            self.begun = Some(Instant::now());
            self.count -= done;
        }
        let begun = self.begun?;
        let left = self.count;
        (left > 0).then(|| left as f64 / begun.elapsed().as_secs_f64())
    }
}

async fn bridged(
    source: &Place,
    target: &Place,
    brokers: &Brokers,
    count: usize,
) -> anyhow::Result<f64> {
    let text = format!(
        "name = 'bench'\n[buses.nats]\nurl = '{}'\n[buses.kafka]\nurl = '{}'\n[buses.rabbit]\nurl = '{}'\n[[routes]]\nname = 'r'\nfrom = {}\nto = [{}]\n",
        brokers.nats.url(),
        brokers.kafka.url(),
        brokers.rabbit.url(),
        source.from(),
        target.to(),
    );
    let config = BridgeConfig::parse("bench.toml", &text)?;
    let bridge = Bridge::new(&config, &MemoryBuses::default())?;
    let stop = CancellationToken::new();
    let watch = async {
        let confirmed = || bridge.counters().values().map(|route| route.confirmed).sum::<u64>();
        let until = async |least: u64| {
            while confirmed() < least {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            confirmed()
        };
        let first = until(count as u64 / 10).await;
        let begun = Instant::now();
        until(count as u64).await;
        let speed = (count as u64 - first) as f64 / begun.elapsed().as_secs_f64();
        stop.cancel();
        speed
    };
    let limit = Duration::from_secs(300);
    let (ended, speed) =
        tokio::time::timeout(limit, async { tokio::join!(bridge.run(stop.clone()), watch) })
            .await
            .context("the bridge took five minutes")?;
    ended?;
    Ok(speed)
}
