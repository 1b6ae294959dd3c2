//! What the adapters add to the bare clients with framing and screening off, beside what the bare client differs from itself.

use std::sync::Arc;

use anyhow::Context as _;

use super::course::{Brokers, Bus, Course, in_turns};
use crate::brokers::{Sample, payloads};
use crate::callgrind;
use crate::hot::unscreened;
use crate::report::{Plot, Report, Table};
use crate::setup::Setup;
use crate::timing::Rounds;
use m2m_engine::{Engine, Framing};

/// Payloads' sizes, and how many of them a round takes on each broker: half a second of the client's CPU, but where these were more bytes
/// than the brokers' disk should hold of all rounds.
const SIZES: [(usize, [usize; 3]); 3] = [
    (200, [120_000, 200_000, 25_000]),
    (2_000, [60_000, 60_000, 20_000]),
    (20_000, [6_000, 6_000, 6_000]),
];

/// # Errors
/// When a broker does not start or does not do what it is asked.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(measure(setup))
}

async fn measure(setup: &Setup) -> anyhow::Result<Report> {
    let brokers = Brokers::start().await?;
    let valgrind = callgrind::is_installed();
    let mut table = Table::new(
        "overhead",
        "Sent with 256 in flight, acknowledged by the broker, then received, framing and screening off. CPU is that of the client's process, ratios are to the mean of both bare clients of the same round, as medians and quartiles. Instructions are callgrind's of the client's process in user space, for one message.",
        &[
            "broker, size",
            "bare, CPU µs/message",
            "bare again, bare = 1",
            "wrapped, bare = 1",
            "bare again, messages/s, bare = 1",
            "wrapped, messages/s, bare = 1",
            "bare, instructions",
            "bare again",
            "wrapped",
        ],
    );
    let mut plot = Plot::new(
        "adapters-off",
        "client CPU with framing and screening off, bare = 1",
        Some(1.05),
    );
    for (size, counts) in SIZES {
        for (bus, count) in Bus::ALL.into_iter().zip(counts) {
            let payloads = payloads(&setup.messages, size, if setup.smoke { 50 } else { count });
            if payloads.is_empty() {
                continue;
            }
            let mut courses = Vec::new();
            for side in Side::ALL {
                courses.push(Course::new(&brokers, bus, side.engine()?, &payloads).await?);
            }
            let samples = in_turns(&mut courses, setup.rounds, setup.smoke).await?;
            let counted = match valgrind && !setup.smoke {
                true => Some(instructions(&brokers, bus, size)?),
                false => None,
            };
            let name = format!("{}, {size} B", bus.name());
            row(&mut table, &mut plot, &name, &samples, payloads.len(), counted);
        }
    }
    Ok(Report { tables: vec![table], plots: vec![plot] })
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Bare,
    BareAgain,
    Wrapped,
}

impl Side {
    const ALL: [Self; 3] = [Self::Bare, Self::BareAgain, Self::Wrapped];

    fn engine(self) -> anyhow::Result<Option<Arc<Engine>>> {
        match self {
            Self::Bare | Self::BareAgain => Ok(None),
            Self::Wrapped => Ok(Some(Arc::new(unscreened(Framing::Off)?))),
        }
    }
}

fn row(
    table: &mut Table,
    plot: &mut Plot,
    name: &str,
    samples: &[Vec<Sample>],
    count: usize,
    counted: Option<[u64; 3]>,
) {
    let figures = |side: Side, pick: fn(&Sample) -> f64| {
        Rounds(samples[side as usize].iter().map(pick).collect())
    };
    let [cpu, time] = [|s: &Sample| s.cpu, |s: &Sample| s.seconds];
    let both = |pick| figures(Side::Bare, pick).mean(&figures(Side::BareAgain, pick));
    let again = |pick| figures(Side::BareAgain, pick).over(&figures(Side::Bare, pick));
    let wrapped = figures(Side::Wrapped, cpu).over(&both(cpu));
    plot.bar(name, wrapped.median());
    let instructions = |side: Side| {
        counted.map_or_else(|| "-".to_owned(), |counted| counted[side as usize].to_string())
    };
    table.row([
        name.to_owned(),
        format!("{:.2}", both(cpu).median() / count as f64 / 1e3),
        again(cpu).spread(),
        wrapped.spread(),
        figures(Side::Bare, time).over(&figures(Side::BareAgain, time)).spread(),
        both(time).over(&figures(Side::Wrapped, time)).spread(),
        instructions(Side::Bare),
        instructions(Side::BareAgain),
        instructions(Side::Wrapped),
    ]);
}

/// Of one message on each side: those for many messages less those for few, divided. Threads of the clients wait for one another, so that they
/// differ from run to run all the same.
fn instructions(brokers: &Brokers, bus: Bus, size: usize) -> anyhow::Result<[u64; 3]> {
    const FEW: u64 = 1_000;
    const MANY: u64 = 9_000;
    let mut instructions = [0; 3];
    for side in Side::ALL {
        let run = |count| counted(brokers, bus, side, size, count);
        instructions[side as usize] = run(MANY)?.saturating_sub(run(FEW)?) / (MANY - FEW);
    }
    Ok(instructions)
}

fn counted(
    brokers: &Brokers,
    bus: Bus,
    side: Side,
    size: usize,
    count: u64,
) -> anyhow::Result<u64> {
    let mut command = callgrind::command("adapter-path")?;
    let wrapped = if side == Side::Wrapped { "wrapped" } else { "bare" };
    command.args([bus.name(), wrapped, &size.to_string(), &count.to_string()]);
    command.env("M2M_TEST_NATS_URL", brokers.nats.url());
    command.env("M2M_TEST_KAFKA_URL", brokers.kafka.url());
    command.env("M2M_TEST_AMQP_URL", brokers.rabbit.url());
    callgrind::count(&mut command)
}

/// Sends and receives `count` messages of about `size` bytes once, for callgrind to count.
///
/// # Errors
/// When there is no such broker or side, or the broker does not do what it is asked.
pub fn once(bus: &str, wrapped: bool, size: usize, count: usize) -> anyhow::Result<()> {
    let bus = Bus::ALL.into_iter().find(|known| known.name() == bus).context("which broker?")?;
    let setup = Setup::new(None, 1, 1, false)?;
    let payloads = payloads(&setup.messages, size, count);
    let side = if wrapped { Side::Wrapped } else { Side::Bare };
    // One thread, so that fewer turns are taken by chance.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let brokers = Brokers::start().await?;
        Course::new(&brokers, bus, side.engine()?, &payloads).await?.round().await.map(drop)
    })
}
