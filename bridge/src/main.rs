//! Relays M2M frames between NATS, Kafka and RabbitMQ by their headers.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use m2m_bridge::{Bridge, Config, ConfigError, MemoryBuses, route};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Relays M2M frames between NATS, Kafka and RabbitMQ by their headers.
///
/// Exit codes: 0 done, 1 the configuration is invalid, 2 wrong usage, 3 the bridge failed.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Relays until SIGTERM or SIGINT, then finishes what is in flight.
    Run {
        /// The configuration, in TOML.
        file: PathBuf,
        /// The form of the log, which goes to the standard error. `RUST_LOG` says how much: `info` unless it is set.
        #[arg(long, value_enum, default_value_t = Log::Text)]
        log: Log,
    },
    /// Checks a configuration and explains each route in words; connects to nothing.
    Check {
        /// The configuration, in TOML.
        file: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Log {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

const INVALID: u8 = 1;
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check { file } => check(&file).map_err(|error| (INVALID, error.into())),
        Command::Run { file, log } => match load(&file) {
            Ok(bridge) => run(&bridge, log).map_err(|error| (FAILED, error)),
            Err(error) => Err((INVALID, error.into())),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            let error: anyhow::Error = error;
            eprintln!("{}", in_words(error.as_ref()));
            ExitCode::from(code)
        }
    }
}

fn check(file: &Path) -> Result<(), ConfigError> {
    let config = Config::load(file)?;
    let routes = route::compile(&config)?;
    print!("{}", route::explain(&config, &routes));
    Ok(())
}

fn load(file: &Path) -> Result<Bridge, ConfigError> {
    Bridge::new(&Config::load(file)?, &MemoryBuses::default())
}

/// What is logged unless `RUST_LOG` says otherwise. lapin would log returned messages whole; no payload belongs in a log.
const LOGGED: &str = "info,lapin::returned_messages=off";

fn run(bridge: &Bridge, log: Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let log_to = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match log {
        Log::Text => log_to.init(),
        Log::Json => log_to.json().init(),
    }
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    let report = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(stop_on(signals, stop.clone()));
        bridge.run(stop).await.map_err(anyhow::Error::from)
    })?;
    if report.unsettled > 0 {
        tracing::warn!(
            report.unsettled,
            "stopped with messages in flight; their brokers deliver them again"
        );
    }
    Ok(())
}

/// The first signal stops the bridge; a second one does not wait for it.
async fn stop_on((mut terminate, mut interrupt): (Signal, Signal), stop: CancellationToken) {
    for second in [false, true] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if second {
            tracing::warn!("stopped at once");
            std::process::exit(i32::from(FAILED));
        }
        tracing::info!("stopping: nothing more is read, what is in flight is finished");
        stop.cancel();
    }
}

/// An error with its causes.
fn in_words(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}
