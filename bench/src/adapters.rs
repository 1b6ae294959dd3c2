//! Bare clients against wrapped ones, on real brokers.

mod amqp;
mod course;
mod kafka;
mod nats;
pub mod overhead;

use std::sync::Arc;

use m2m_engine::scan::{Danger, ScanConfig};
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, SecurityConfig};
use m2m_engine::{Config, Engine, Framing};

use self::course::{Brokers, Bus, Course, in_turns};
use crate::brokers::{Sample, payloads};
use crate::report::{Report, Table};
use crate::setup::Setup;
use crate::timing::Rounds;

/// # Errors
/// When a broker does not start or does not do what it is asked.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(measure(setup))
}

/// A client, bare or wrapped.
struct Case {
    name: &'static str,
    screened: bool,
    /// What it is wrapped with.
    engine: Option<Arc<Engine>>,
}

/// The bare client, then the wrapped one with what an engine can be told.
fn cases() -> anyhow::Result<Vec<Case>> {
    let wrapped = |name, framing, screened: bool, mode: Option<Mode>| {
        // The messages come again and again: each is screened as at first sight.
        let danger = Danger { off: !screened, ..Danger::default() };
        let scan = ScanConfig { remembered: 0, danger, ..ScanConfig::default() };
        let key = |mode| Key::new("bench", mode, KeyMaterial::from([7; 32]));
        let security = mode.map(key).transpose()?.map(Keyring::new).map(SecurityConfig::new);
        let config = Config { framing, scan, security, ..Config::default() };
        anyhow::Ok(Case { name, screened, engine: Some(Arc::new(Engine::new(config)?)) })
    };
    Ok(vec![
        Case { name: "bare", screened: false, engine: None },
        Case { name: "bare again", screened: false, engine: None },
        wrapped("framing off", Framing::Off, false, None)?,
        wrapped("framing off", Framing::Off, true, None)?,
        wrapped("framing auto", Framing::Auto, false, None)?,
        wrapped("framing auto", Framing::Auto, true, None)?,
        wrapped("auto, HMAC", Framing::Auto, false, Some(Mode::Hmac))?,
        wrapped("auto, AEAD", Framing::Auto, false, Some(Mode::Aead))?,
    ])
}

async fn measure(setup: &Setup) -> anyhow::Result<Report> {
    let brokers = Brokers::start().await?;
    let mut report = Report::default();
    let mut table = Table::new(
        "adapters",
        "Sent with 256 in flight, acknowledged by the broker, then received. CPU is that of the client's process; ratios are to the bare client of the same round, as medians and quartiles. Stored is what JetStream and Kafka say of a message in the stream and in the log, with headers, subject and the like, and of RabbitMQ the content alone. Screened is the default, here at first sight of every message; unscreened is `scan.danger.off`.",
        &[
            "broker, size, client",
            "screened",
            "messages/s",
            "bare = 1",
            "stored, B/message",
            "CPU, µs/message",
            "bare = 1",
        ],
    );
    for (size, count) in [(200, 4_000), (2_000, 2_000), (20_000, 400)] {
        let count = if setup.smoke { 50 } else { count };
        let payloads = payloads(&setup.messages, size, count);
        if payloads.is_empty() {
            continue;
        }
        for bus in Bus::ALL {
            let cases = cases()?;
            let mut courses = Vec::new();
            for case in &cases {
                let mut course = Course::new(&brokers, bus, case.engine.clone(), &payloads).await?;
                course.contents = amqp::contents(case.engine.as_ref(), &payloads)?;
                courses.push(course);
            }
            let samples = in_turns(&mut courses, setup.rounds, setup.smoke).await?;
            let name = format!("{}, {size} B", bus.name());
            rows(&mut table, &name, &cases, &samples, payloads.len());
        }
    }
    report.tables.push(table);
    Ok(report)
}

fn rows(table: &mut Table, name: &str, cases: &[Case], samples: &[Vec<Sample>], count: usize) {
    let count = count as f64;
    let figures =
        |samples: &[Sample], pick: fn(&Sample) -> f64| Rounds(samples.iter().map(pick).collect());
    let bare = &samples[0];
    for (case, samples) in cases.iter().zip(samples) {
        let (cpu, time) = (figures(samples, |s| s.cpu), figures(samples, |s| s.seconds));
        let cpu_ratio = cpu.over(&figures(bare, |s| s.cpu));
        table.row([
            format!("{name}, {}", case.name),
            if case.screened { "yes" } else { "no" }.to_owned(),
            format!("{:.0}", count / time.median()),
            figures(bare, |s| s.seconds).over(&time).spread(),
            format!("{:.0}", figures(samples, |s| s.stored as f64).median() / count),
            format!("{:.2}", cpu.median() / count / 1e3),
            cpu_ratio.spread(),
        ]);
    }
}
