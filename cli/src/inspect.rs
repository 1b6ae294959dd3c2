//! `m2m inspect`

use anyhow::Context as _;
use clap::Args;
use m2m_engine::Config;
use m2m_engine::facts::{Fact, FactReader, Facts};
use m2m_engine::frame::Form;
use serde_json::{Map, Value};

use crate::input::Input;
use crate::output::{self, Output};

const NAMES: &str = "\
The names are those that the bridge's route conditions use. What a message does not have is empty, 0 or
false: --json gives all names, the table those that say something.";

/// Show a message's header without decompressing it; for a plain payload, the header that its frame would carry
#[derive(Debug, Args)]
#[command(after_help = NAMES)]
pub(crate) struct Inspect {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let message = self.input.read_message()?;
        let reader = FactReader::new(&Config::default(), usize::MAX)?;
        let show = if self.json { json } else { table };
        let report = reader.read(&message, show).context("the header cannot be read")?;
        self.output.write(report.as_bytes(), false)
    }
}

fn json(facts: &Facts<'_>) -> String {
    let member = |name: &'static str| Some((name.to_owned(), value(facts.get(name)?)));
    let members: Map<String, Value> = Facts::names().filter_map(member).collect();
    format!("{:#}\n", Value::Object(members))
}

fn value(fact: Fact<'_>) -> Value {
    match fact {
        Fact::Text(text) => text.into(),
        Fact::Int(int) => int.into(),
        // A header may hold NaN, for which JSON has no word: null.
        Fact::Float(float) => float.into(),
        Fact::Bool(bool) => bool.into(),
        Fact::Texts(texts) => texts.into(),
    }
}

fn table(facts: &Facts<'_>) -> String {
    let mut table = output::table();
    table.set_header(["name", "value"]);
    for name in Facts::names() {
        if let Some(text) = facts.get(name).and_then(shown) {
            table.add_row([name, &text]);
        }
    }
    format!("{}\n{table}\n", title(facts))
}

fn title(facts: &Facts<'_>) -> String {
    let size = facts.size;
    let what = match (facts.form, &facts.header) {
        (Form::M2m, _) => "An M2M v1 frame, binary",
        (Form::M2mText, _) => "An M2M v1 frame in text",
        (Form::TokenNative, _) => "Token ids in text, which have no header",
        (Form::Brotli, _) => "Brotli in text, which has no header",
        (_, Some(_)) => "A plain payload; its frame would carry this header",
        (_, None) => {
            "A plain payload that is not JSON; its frame would carry no more than its schema, custom"
        }
    };
    format!("{what} ({size} bytes)")
}

/// `None` for what says nothing.
fn shown(fact: Fact<'_>) -> Option<String> {
    match fact {
        Fact::Text("") | Fact::Int(0) | Fact::Float(0.0) | Fact::Bool(false) => None,
        Fact::Text(text) => Some(output::printable(text)),
        Fact::Int(int) => Some(int.to_string()),
        Fact::Float(float) => Some(format!("{float:.6}")),
        Fact::Bool(bool) => Some(bool.to_string()),
        Fact::Texts(texts) if texts.is_empty() => None,
        Fact::Texts(texts) => Some(counted(&texts)),
    }
}

/// Runs of the same word as `tool x3`, the first twelve of them: a conversation has hundreds of roles.
fn counted(texts: &[&str]) -> String {
    let runs = texts.chunk_by(|a, b| a == b).map(|run| match run {
        [one] => (*one).to_owned(),
        run => format!("{} x{}", run.first().copied().unwrap_or_default(), run.len()),
    });
    let mut runs: Vec<String> = runs.collect();
    if runs.len() > 12 {
        runs.truncate(12);
        runs.push("…".to_owned());
    }
    runs.join(", ")
}
