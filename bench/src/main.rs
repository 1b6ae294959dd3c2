//! `m2m-bench PART`: see the README beside this crate.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use m2m_bench::report::Report;
use m2m_bench::setup::Setup;
use m2m_bench::{adapters, relay, secure, storage};

#[derive(Parser)]
#[command(about = "Measured against what users would pick instead")]
struct Arguments {
    /// What to measure.
    #[arg(value_enum, required = true)]
    parts: Vec<Part>,
    /// The folder that holds `traffic/` and `threats.*.jsonl`; generated messages without it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The seed of generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds of each comparison.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Only see that everything runs: a few messages, one round.
    #[arg(long)]
    smoke: bool,
    /// Where the tables and plots go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// Encode, decode, peek and auto against the reference implementation.
    #[cfg(feature = "reference")]
    Codec,
    /// What the rules of threat screening find in labelled texts, and what they flag wrongly; needs `--data`.
    #[cfg(feature = "reference")]
    Threats,
    /// Screening against the reference implementation's scanner.
    #[cfg(feature = "reference")]
    Scan,
    /// Signing and encrypting against the bare primitives.
    Secure,
    /// The brokers' own compression, in bytes on the broker.
    Storage,
    /// Bare clients against wrapped ones.
    Adapters,
    /// Bare clients against themselves, and against wrapped ones that neither frame nor screen.
    Overhead,
    /// The relay against the bare clients in a loop.
    Relay,
}

impl Part {
    fn run(self, setup: &Setup) -> anyhow::Result<Report> {
        match self {
            #[cfg(feature = "reference")]
            Self::Codec => m2m_bench::codec::run(setup),
            #[cfg(feature = "reference")]
            Self::Threats => m2m_bench::threats::run(setup),
            #[cfg(feature = "reference")]
            Self::Scan => m2m_bench::scan::run(setup),
            Self::Secure => secure::run(setup),
            Self::Storage => storage::run(setup),
            Self::Adapters => adapters::run(setup),
            Self::Overhead => adapters::overhead::run(setup),
            Self::Relay => relay::run(setup),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Arguments { data, seed, rounds, smoke, out, .. } = arguments;
    let setup = Setup::new(data, seed, rounds, smoke)?;
    println!("{}", setup.origin);
    for part in arguments.parts {
        let report = part.run(&setup)?;
        let name = part.to_possible_value().map(|value| value.get_name().to_owned());
        report.publish(&name.unwrap_or_default(), &setup.origin, &out)?;
    }
    Ok(())
}
