//! What the built-in rules find, and what they take for a threat that is none: by label and source, on labelled texts.
//!
//! Needs `--data FOLDER` with `threats.train.jsonl` and `threats.dev.jsonl`: one JSON object a line with `text`, `label`, `source` and
//! `ctx` (an attack only where its source says so). Rules are tuned on train; dev is for reporting.

mod disguises;
mod evasion;
mod tables;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use m2m::SecurityScanner;
use m2m_engine::scan::{Outcome, RuleSet};
use m2m_engine::{Config, Engine};
use serde::Deserialize;

use crate::report::Report;
use crate::setup::Setup;

/// The score from which on a text counts as flagged; the default of both sides.
const THRESHOLD: f32 = 0.8;

/// One labelled text.
#[derive(Debug, Deserialize)]
struct Row {
    text: String,
    label: String,
    source: String,
    ctx: bool,
}

impl Row {
    fn is_attack(&self) -> bool {
        self.label != "benign"
    }
}

/// Both sides, as they come.
struct Sides {
    ours: Engine,
    reference: SecurityScanner,
}

impl Sides {
    fn new() -> anyhow::Result<Self> {
        let ours = Engine::new(Config::default())?.with_scanner(RuleSet::built_in()?);
        Ok(Self { ours, reference: SecurityScanner::new() })
    }

    fn ours(&self, text: &str) -> bool {
        self.ours.judge(text.as_bytes()).outcome >= Outcome::Flagged
    }

    fn blocked(&self, text: &str) -> bool {
        self.ours.judge(text.as_bytes()).outcome == Outcome::Blocked
    }

    /// A text that it refuses to scan, being too long, counts as flagged.
    fn reference(&self, text: &str) -> bool {
        self.reference
            .scan(text)
            .map_or(true, |result| result.threats.iter().any(|threat| threat.severity >= THRESHOLD))
    }
}

/// # Errors
/// When there are no labelled texts.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    let folder =
        setup.folder.as_deref().context("threats needs --data FOLDER with threats.*.jsonl")?;
    let sides = Sides::new()?;
    let mut report = Report::default();
    let mut attacks = Vec::new();
    for split in ["train", "dev"] {
        let rows = load(&folder.join(format!("threats.{split}.jsonl")))?;
        let judged: Vec<tables::Judged<'_>> =
            rows.iter().map(|row| tables::Judged::new(row, &sides)).collect();
        report.tables.push(tables::labels(split, &judged));
        report.tables.push(tables::sources(split, &judged));
        attacks.extend(evasion::suitable(&judged));
    }
    report.tables.push(tables::traffic(&setup.messages, &sides));
    report.tables.push(evasion::table(&attacks, &sides));
    Ok(report)
}

fn load(path: &Path) -> anyhow::Result<Vec<Row>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines().map(|line| serde_json::from_str(line).map_err(Into::into)).collect()
}
