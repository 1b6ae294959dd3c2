//! Agent traffic from producers through the bridge to consumers, every message verified.
//!
//! ```text
//! producers ─ wrap ─► agents' bus ─► bridge, by the frames' headers ─► a bus for each destination ─ open ─► consumers
//! ```
//!
//! Exit codes: 0 everything was verified, 1 something was not or the demo could not run, 2 wrong usage, 130 interrupted.

mod board;
mod buses;
mod figures;
mod ledger;
mod producers;
mod report;
mod routing;
mod run;
mod traffic;

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use m2m_engine::scan::{Policies, Policy, ScanConfig};
use m2m_engine::{Config, Engine, Limits};
use tracing_subscriber::EnvFilter;

/// Agent messages are wrapped by producers, relayed by their headers, and opened and verified by consumers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// What carries the messages.
    #[arg(long, value_enum, default_value_t = Bus::Memory)]
    bus: Bus,
    /// Replays real messages instead: every line of every *.jsonl in this folder.
    #[arg(long, value_name = "FOLDER")]
    traffic: Option<PathBuf>,
    /// As fast as it goes; always so where there is no terminal to watch it in.
    #[arg(long)]
    fast: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bus {
    /// Buses within this process.
    Memory,
    /// NATS, Kafka and RabbitMQ, where M2M_TEST_NATS_URL, M2M_TEST_KAFKA_URL and M2M_TEST_AMQP_URL say.
    Real,
}

/// How long it takes where somebody watches.
const WATCHED: Duration = Duration::from_secs(8);
/// The size limit of the written agents: one of them tries to send more.
const LIMIT: usize = 256 << 10;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if std::env::var_os("RUST_LOG").is_some() {
        let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env());
        log.with_ansi(stderr().is_terminal()).with_writer(stderr).init();
    }
    demo(arguments).await.unwrap_or_else(|error| {
        // Nobody reads any more, as behind `| head`: there is nobody to tell.
        let unread = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
        if !error.downcast_ref().is_some_and(unread) {
            eprintln!("error: {error:#}");
        }
        ExitCode::FAILURE
    })
}

async fn demo(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (scripts, inflated) = match &arguments.traffic {
        None => (traffic::written(), LIMIT),
        Some(folder) => (traffic::replay(folder)?, Limits::default().inflated),
    };
    let limits = Limits { inflated, ..Limits::default() };
    // What leaks is not to leave; all else that is found is only told.
    let policy = Policies { exfiltration: Policy::Block(0.8), ..Policies::default() };
    let scan = ScanConfig { policy, ..ScanConfig::default() };
    let engine = Arc::new(Engine::new(Config { limits, scan, ..Config::default() })?);
    let buses = match arguments.bus {
        Bus::Memory => buses::memory::open(&engine)?,
        Bus::Real => buses::brokers::open(&engine).await?,
    };
    let watched = stdout().is_terminal() && !arguments.fast;
    let Some(end) = run::run(buses, scripts, watched.then_some(WATCHED), inflated).await? else {
        return Ok(ExitCode::from(130));
    };
    writeln!(stdout(), "\n{}", end.summary())?;
    let faults = end.faults();
    if faults.is_empty() {
        writeln!(stdout(), "\nEverything arrived as it was sent.")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(stdout(), "\nNOT verified:\n  {}", faults.join("\n  "))?;
    writeln!(stdout(), "The bridge says more on the standard error with RUST_LOG=info.")?;
    Ok(ExitCode::FAILURE)
}
