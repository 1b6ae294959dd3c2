//! `m2m analyze`

mod measure;

use clap::Args;
use comfy_table::{CellAlignment, Table};
use m2m_engine::choose::Rules;
use m2m_engine::facts::{FactReader, Facts};
use m2m_engine::frame::Form;
use m2m_engine::{Algorithm, Config, Engine, Outbound};
use serde_json::{Value, json};

use self::measure::Measured;
use crate::args::{Level, Settings};
use crate::figures;
use crate::input::Input;
use crate::output::{self, Output};

/// Try every algorithm on a payload, and tell which one the engine picks
#[derive(Debug, Args)]
pub(crate) struct Analyze {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// How hard Brotli tries
    #[arg(long, value_enum, default_value = "balanced")]
    level: Level,
    #[command(flatten)]
    settings: Settings,
}

impl Analyze {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let payload = self.input.read()?;
        let config = Config { level: self.level.into(), ..self.settings.config()? };
        let engine = Engine::new(config.clone())?;
        let picked = engine.wrap(&payload, &Outbound::default())?.algorithm;
        let measured = measure::all(&config, &payload)?;
        let why = why(&payload, picked, &measured);
        let report = if self.json {
            let of = |m: &Measured| to_json(m, payload.len());
            let algorithms: Vec<Value> = measured.iter().map(of).collect();
            let report = json!({
                "bytes": payload.len(),
                "picked": picked.name(),
                "why": why,
                "algorithms": algorithms,
            });
            format!("{report:#}\n")
        } else {
            let what = FactReader::new(&config, usize::MAX)?.read(&payload, describe);
            let what = what.unwrap_or_else(|_| "damaged frame".to_owned());
            let table = table(&measured, payload.len());
            let name = picked.name();
            format!("{} bytes: {what}\n{table}\nThe engine picks {name}: {why}.\n", payload.len())
        };
        self.output.write(report.as_bytes(), false)
    }
}

fn describe(facts: &Facts<'_>) -> String {
    let Some(header) = &facts.header else {
        return match facts.form {
            Form::Plain => "not JSON".to_owned(),
            form => format!("a message in the form {}", form.name()),
        };
    };
    let what = if facts.form == Form::Plain { "JSON" } else { "an M2M v1 frame" };
    let schema = header.schema.name();
    match header.model() {
        "" => format!("{what}, schema {schema}"),
        model => format!("{what}, schema {schema}, model {}", output::printable(model)),
    }
}

/// The engine's rules in words: what they say of this payload.
fn why(payload: &[u8], picked: Algorithm, measured: &[Measured]) -> String {
    let len = payload.len();
    let m2m = measured.iter().find(|m| m.algorithm == Algorithm::M2m);
    let m2m = m2m.and_then(Measured::bytes).unwrap_or(len);
    let (bytes, why) = match picked {
        Algorithm::M2m if Form::of(payload) != Form::Plain => (
            m2m,
            "the input begins as a frame does, and a receiver would open it as one".to_owned(),
        ),
        Algorithm::M2m => (
            m2m,
            format!("it saves {}, and its header can be read on the way", figures::saved(len, m2m)),
        ),
        Algorithm::Stored if len < Rules::MIN_LEN => {
            (len, format!("below {} bytes a frame seldom pays, and none is tried", Rules::MIN_LEN))
        }
        Algorithm::Stored if m2m >= len => {
            (len, format!("a frame would take {m2m} bytes, which is not less"))
        }
        Algorithm::Stored => {
            (len, "it begins as a compressed file does, which seldom gets smaller again".to_owned())
        }
        other => (len, format!("the chooser asked for {}", other.name())),
    };
    why + &smaller(bytes, measured)
}

/// The smallest form of those that are never picked, if it is smaller than what was, and what speaks against it.
fn smaller(than: usize, measured: &[Measured]) -> String {
    let picked = [Algorithm::M2m, Algorithm::Stored];
    let unpicked = measured.iter().filter(|m| !picked.contains(&m.algorithm));
    let smallest = unpicked.filter_map(|m| Some((m.bytes()?, m))).min_by_key(|(bytes, _)| *bytes);
    let Some((bytes, m)) = smallest.filter(|(bytes, _)| *bytes < than) else {
        return String::new();
    };
    let against = match m.form {
        "binary" => "nothing tells that form from other bytes",
        _ => "that form has neither header nor checksum",
    };
    format!("; {} ({}) would take {bytes} bytes, but {against}: only -a gives it", m.name(), m.form)
}

fn table(measured: &[Measured], original: usize) -> Table {
    let mut table = output::table();
    table.set_header(["algorithm", "form", "bytes", "ratio", "compress", "decompress"]);
    for m in measured {
        let cells = match &m.figures {
            Some(f) => [
                f.bytes.to_string(),
                figures::ratio(original, f.bytes),
                figures::time(f.compress),
                figures::time(f.decompress),
            ],
            None => ["cannot take it", "-", "-", "-"].map(str::to_owned),
        };
        let [bytes, ratio, compress, decompress] = cells;
        table.add_row([m.name(), m.form.to_owned(), bytes, ratio, compress, decompress]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn to_json(m: &Measured, original: usize) -> Value {
    let figures = m.figures.as_ref();
    json!({
        "algorithm": m.algorithm.name(),
        "form": m.form,
        "tokenizer": m.tokenizer,
        "bytes": figures.map(|f| f.bytes),
        "ratio": figures.and_then(|f| figures::quotient(original, f.bytes)),
        "compress_ns": figures.and_then(|f| u64::try_from(f.compress.as_nanos()).ok()),
        "decompress_ns": figures.and_then(|f| u64::try_from(f.decompress.as_nanos()).ok()),
    })
}
