//! Starts brokers of its own, runs a command that finds them by `M2M_TEST_…_URL`, and removes them when it ends.

use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use m2m_tests::harness::{Broker, HarnessError, Kind};
use m2m_tests::harness::{KafkaOptions, NatsOptions, RabbitOptions};

/// Runs a command among real brokers of its own: `with-brokers -- cargo run -p m2m-demo`.
#[derive(Parser)]
struct Arguments {
    /// Which brokers; all three unless said.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["nats", "kafka", "rabbit"])]
    only: Vec<Which>,
    /// The command and its arguments; each broker's URL is in M2M_TEST_NATS_URL, M2M_TEST_KAFKA_URL, M2M_TEST_AMQP_URL.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Which {
    Nats,
    Kafka,
    Rabbit,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { only, command } = Arguments::parse();
    let wanted = |which| only.contains(&which);
    let (nats, kafka, rabbit) = tokio::try_join!(
        start::<NatsOptions>(wanted(Which::Nats)),
        start::<KafkaOptions>(wanted(Which::Kafka)),
        start::<RabbitOptions>(wanted(Which::Rabbit)),
    )?;

    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = Command::new(program);
    command.args(arguments);
    tell(&mut command, &nats);
    tell(&mut command, &kafka);
    tell(&mut command, &rabbit);
    // Ctrl-C reaches the command too: it decides when to end, and has its brokers until then.
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let ran = tokio::task::spawn_blocking(move || command.status()).await?;
    let status = ran.with_context(|| format!("cannot run {program}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn start<K: Kind>(wanted: bool) -> Result<Option<Broker<K>>, HarnessError> {
    if !wanted {
        return Ok(None);
    }
    Broker::start().await.map(Some)
}

fn tell<K: Kind>(command: &mut Command, broker: &Option<Broker<K>>) {
    if let Some(broker) = broker {
        command.env(K::VARIABLE, broker.url());
    }
}
