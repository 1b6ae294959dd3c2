//! m2m: compress, decompress, inspect and analyze M2M frames, and scan messages for threats.

mod analyze;
mod args;
mod completions;
mod compress;
mod decompress;
mod figures;
mod input;
mod inspect;
mod keys;
mod output;
mod pretty;
mod scan;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use m2m_engine::{OpenError, WrapError};

const EXIT_CODES: &str = "\
Exit status:
  0  done; also when the reader of the output went away
  1  the input cannot be processed: one line on standard error says why, and nothing is written
     (m2m scan: something was found, and 2 is for input too)
  2  the command line is not understood";

/// Compress, decompress, inspect and analyze M2M frames, and scan messages for threats
#[derive(Debug, Parser)]
#[command(name = "m2m", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compress(compress::Compress),
    Decompress(decompress::Decompress),
    Inspect(inspect::Inspect),
    Analyze(analyze::Analyze),
    Keys(keys::Keys),
    Scan(scan::Scan),
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Compress(command) => command.run(),
        Command::Decompress(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Analyze(command) => command.run(),
        Command::Keys(command) => command.run(),
        Command::Scan(command) => return command.exit_code(),
        Command::Completions(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, ExitCode::FAILURE),
    }
}

/// Says what went wrong; `code` unless something else is to be said.
fn report(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        usage.exit();
    }
    let went_away = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if error.chain().filter_map(|cause| cause.downcast_ref()).any(went_away) {
        return ExitCode::SUCCESS;
    }
    // A file's name may hold anything; the message is to stay one line.
    let message = output::printable(&format!("{error:#}{}", hint(error)));
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "m2m: {message}");
    code
}

/// Which option would help.
fn hint(error: &anyhow::Error) -> &'static str {
    const LLAMA3: &str = ": give it with --llama3 FILE";
    const LIMIT: &str = ": --limit BYTES raises it";
    const KEY: &str = ": give it with --key-file FILE";
    match (error.downcast_ref(), error.downcast_ref()) {
        (Some(WrapError::NoLlama3Tokenizer), _) | (_, Some(OpenError::NoLlama3Tokenizer)) => LLAMA3,
        (Some(WrapError::PayloadTooLong { .. }), _)
        | (_, Some(OpenError::PayloadTooLong { .. })) => LIMIT,
        (_, Some(OpenError::Secured { .. })) => KEY,
        _ => "",
    }
}

/// What clap cannot see by itself: arguments of a command that do not go together.
fn usage(command: &str, message: &str) -> anyhow::Error {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand_mut(command).map(std::mem::take);
    command.unwrap_or(cli).error(ErrorKind::ArgumentConflict, message).into()
}
