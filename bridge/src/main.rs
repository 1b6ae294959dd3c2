//! Relays M2M frames between NATS, Kafka and RabbitMQ by their headers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use m2m_bridge::{Config, ConfigError, route};

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
    /// Checks a configuration and explains each route in words; connects to nothing.
    Check {
        /// The configuration, in TOML.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Check { file } => match check(&file) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{}", with_causes(&error));
                ExitCode::from(1)
            }
        },
    }
}

fn check(file: &Path) -> Result<(), ConfigError> {
    let config = Config::load(file)?;
    let routes = route::compile(&config)?;
    print!("{}", route::explain(&config, &routes));
    Ok(())
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
