//! Bare clients against wrapped ones, on real brokers.

mod amqp;
mod kafka;
mod nats;

use std::sync::Arc;

use bytes::Bytes;
use m2m_engine::scan::{Danger, ScanConfig};
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, SecurityConfig};
use m2m_engine::{Config, Engine, Framing};
use m2m_tests::harness::{Kafka, Nats, Rabbit};

use crate::brokers::{Sample, payloads};
use crate::report::{Plot, Report, Table};
use crate::setup::Setup;
use crate::timing::Rounds;

/// # Errors
/// When a broker does not start or does not do what it is asked.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(measure(setup))
}

/// A client's name, and the engine that it is wrapped with.
type Case = (&'static str, Option<Arc<Engine>>);

/// The bare client, then the wrapped one with what an engine can be told.
fn cases() -> anyhow::Result<Vec<Case>> {
    let unscreened = || ScanConfig {
        danger: Danger { off: true, ..Danger::default() },
        ..ScanConfig::default()
    };
    let engine = |framing, scan, mode: Option<Mode>| {
        let key = |mode| Key::new("bench", mode, KeyMaterial::from([7; 32]));
        let security = mode.map(key).transpose()?.map(Keyring::new).map(SecurityConfig::new);
        let config = Config { framing, scan, security, ..Config::default() };
        anyhow::Ok(Some(Arc::new(Engine::new(config)?)))
    };
    Ok(vec![
        ("bare", None),
        ("framing off", engine(Framing::Off, unscreened(), None)?),
        ("framing auto", engine(Framing::Auto, unscreened(), None)?),
        ("framing auto, screened", engine(Framing::Auto, ScanConfig::default(), None)?),
        ("HMAC", engine(Framing::Auto, unscreened(), Some(Mode::Hmac))?),
        ("AEAD", engine(Framing::Auto, unscreened(), Some(Mode::Aead))?),
    ])
}

async fn measure(setup: &Setup) -> anyhow::Result<Report> {
    let (nats, kafka, rabbit) = tokio::try_join!(Nats::start(), Kafka::start(), Rabbit::start())?;
    let mut report = Report::default();
    let mut table = Table::new(
        "adapters",
        "Sent with 256 in flight, acknowledged by the broker, then received. CPU is the client's. Overheads are against the bare client of the same round.",
        &[
            "broker, size, client",
            "messages/s",
            "stored, B/message",
            "CPU, µs/message",
            "CPU, bare = 1 (quartiles)",
            "time, bare = 1 (quartiles)",
        ],
    );
    let mut plot = Plot::new("adapters-off", "client CPU with framing off, bare = 1", Some(1.05));
    for (size, count) in [(200, 20_000), (2_000, 5_000), (20_000, 1_000)] {
        let count = if setup.smoke { 50 } else { count };
        let payloads = payloads(&setup.messages, size, count);
        if payloads.is_empty() {
            continue;
        }
        for broker in ["JetStream", "Kafka", "RabbitMQ"] {
            let cases = cases()?;
            let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); cases.len()];
            for round in 0..=setup.rounds {
                for turn in 0..cases.len() {
                    let case = (round + turn) % cases.len();
                    let engine = cases[case].1.as_ref();
                    let sample = match broker {
                        "JetStream" => nats::round(&nats, engine, &payloads).await?,
                        "Kafka" => kafka::round(&kafka, engine, &payloads).await?,
                        _ => amqp::round(&rabbit, engine, &payloads).await?,
                    };
                    // The first round warms up; a smoke test has no other.
                    if round > 0 || setup.smoke {
                        samples[case].push(sample);
                    }
                }
            }
            rows(
                &mut table,
                &mut plot,
                &format!("{broker}, {size} B"),
                &cases,
                &samples,
                &payloads,
            );
        }
    }
    report.tables.push(table);
    report.plots.push(plot);
    Ok(report)
}

fn rows(
    table: &mut Table,
    plot: &mut Plot,
    name: &str,
    cases: &[Case],
    samples: &[Vec<Sample>],
    payloads: &[Bytes],
) {
    let count = payloads.len() as f64;
    let figures =
        |samples: &[Sample], pick: fn(&Sample) -> f64| Rounds(samples.iter().map(pick).collect());
    let bare = &samples[0];
    for ((case, _), samples) in cases.iter().zip(samples) {
        let (cpu, time) = (figures(samples, |s| s.cpu), figures(samples, |s| s.seconds));
        let cpu_ratio = cpu.over(&figures(bare, |s| s.cpu));
        table.row([
            format!("{name}, {case}"),
            format!("{:.0}", count / time.median()),
            format!("{:.0}", figures(samples, |s| s.stored as f64).median() / count),
            format!("{:.2}", cpu.median() / count / 1e3),
            cpu_ratio.spread(),
            time.over(&figures(bare, |s| s.seconds)).spread(),
        ]);
        if *case == "framing off" {
            plot.bar(name, cpu_ratio.median());
        }
    }
}
