//! `m2m scan`

mod records;
mod report;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use m2m_engine::config::ConfigError;
use m2m_engine::frame::Form;
use m2m_engine::scan::{Outcome, Policies, Policy, RuleError, ScanConfig, Verdict};
use m2m_engine::{Config, Engine, Inbound, Limits};

use self::records::Records;
use crate::input::Input;
use crate::{output, usage};

const MORE: &str = "\
A frame is opened first. The strings of a JSON payload are judged one by one, unescaped; ranges are bytes
of the payload. With --jsonl, a record without the field text is judged as a whole, unless --field names one.

Exit status:
  0  clean
  1  something at or over the threshold, or over a structural limit
  2  the input, the rules or the command line cannot be read";

/// Look for prompt injection, jailbreaks, exfiltration and malformed payloads
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct Scan {
    /// The input itself; standard input when it is `-` or missing
    #[arg(conflicts_with_all = ["file", "jsonl"])]
    input: Option<OsString>,
    /// Read the input from files
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    file: Vec<PathBuf>,
    /// The score, 0 to 1, from which on a message is flagged
    #[arg(long, default_value_t = 0.8, value_parser = threshold)]
    threshold: f32,
    /// Write JSON, an object for each input
    #[arg(long)]
    json: bool,
    /// Rules in TOML, beside the built-in ones; one with the id of another replaces it
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Scan a file of JSON records, one a line; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    jsonl: Option<PathBuf>,
    /// The field of each record that holds the payload [default: text]
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

fn threshold(text: &str) -> Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("it must be from 0 to 1".into()) }
}

impl Scan {
    /// Runs it; what is found is no error, and an error is none of its findings.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.run() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => crate::report(&error, ExitCode::from(2)),
        }
    }

    /// Whether everything is clean.
    fn run(&self) -> anyhow::Result<bool> {
        if self.field.is_some() && self.jsonl.is_none() {
            return Err(usage("scan", "--field goes with --jsonl"));
        }
        let engine = self.engine()?;
        if let Some(path) = &self.jsonl {
            return Records::open(path, self.field.as_deref(), self.json)?.scan(&engine);
        }
        let (mut clean, mut report) = (true, String::new());
        for (name, input) in self.inputs() {
            let message = input.read_message()?;
            let verdict = judge(&engine, &message).with_context(|| match name {
                Some(path) => format!("cannot scan {}", path.display()),
                None => "cannot scan the input".to_owned(),
            })?;
            clean &= verdict.outcome == Outcome::Clean;
            if self.json {
                let file = name.map(|path| ("file", path.to_string_lossy().into()));
                report.push_str(&report::json(&verdict, file));
            } else {
                if let Some(path) = name.filter(|_| self.file.len() > 1) {
                    report.push_str(&format!("{}: ", output::printable(&path.to_string_lossy())));
                }
                report.push_str(&report::text(&verdict));
            }
        }
        output::print(report.as_bytes())?;
        Ok(clean)
    }

    fn inputs(&self) -> Vec<(Option<&Path>, Input)> {
        if self.file.is_empty() {
            return vec![(None, Input { input: self.input.clone(), file: None })];
        }
        let input = |path: &PathBuf| Input { input: None, file: Some(path.clone()) };
        self.file.iter().map(|path| (Some(path.as_path()), input(path))).collect()
    }

    fn engine(&self) -> anyhow::Result<Engine> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let policy = Policies {
            structure: Policies::default().structure,
            ..Policies::all(Policy::Flag(self.threshold))
        };
        let rules = self.rules.iter().map(read).collect::<anyhow::Result<_>>()?;
        let longest = usize::try_from(u32::MAX >> 1)?;
        let config = Config {
            limits: Limits { frame: longest, inflated: longest, ..Limits::default() },
            scan: ScanConfig { policy, rules, ..ScanConfig::default() },
            ..Config::default()
        };
        Engine::new(config).map_err(|error| self.refused(error))
    }

    /// Names the file and the line of a rule that cannot be used.
    fn refused(&self, error: ConfigError) -> anyhow::Error {
        let place = |text: usize, line: usize| {
            let path = self.rules.get(text).map(|path| path.display().to_string());
            format!("{}, line {line}", path.unwrap_or_default())
        };
        match error {
            ConfigError::Rules(RuleError::Syntax { text, line, id, source }) => {
                let rule = id.map(|id| format!("rule {id}: ")).unwrap_or_default();
                // Its own words are several lines, with the offending one among them.
                anyhow!("{}: {rule}{}", place(text, line), source.message())
            }
            ConfigError::Rules(RuleError::Rule { text, line, id, source }) => {
                anyhow::Error::new(source).context(format!("{}: rule {id}", place(text, line)))
            }
            error => error.into(),
        }
    }
}

/// The verdict on a payload, or on what a frame holds.
fn judge(engine: &Engine, message: &[u8]) -> anyhow::Result<Verdict> {
    if Form::of(message) == Form::Plain {
        return Ok(engine.judge(message));
    }
    Ok(engine.judge(&engine.open(message, &Inbound::default())?.payload))
}
