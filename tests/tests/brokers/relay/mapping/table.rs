//! Reads `docs/mapping.md`.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Row {
    /// Where the source has the property.
    pub(super) place: String,
    pub(super) value: String,
    /// By column: where each target has it.
    pub(super) cells: BTreeMap<String, Cell>,
}

/// Places, with a value of its own where it differs from the row's.
pub(super) type Cell = Vec<(String, Option<String>)>;

/// All tables by their headings.
pub(super) fn read() -> Result<BTreeMap<String, Table>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mapping.md"))?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let (mut heading, mut columns) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.to_owned();
        }
        let Some(line) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            columns.clear();
            continue;
        };
        let fields: Vec<&str> = line.split(" | ").collect();
        if columns.is_empty() {
            columns = fields.into_iter().map(str::to_owned).collect();
            continue;
        }
        if line.starts_with("---") {
            continue;
        }
        ensure!(fields.len() == columns.len(), "a row of {} fields: {line}", fields.len());
        let row = row(&fields, &columns).with_context(|| line.to_owned())?;
        tables.entry(heading.clone()).or_default().rows.push(row);
    }
    Ok(tables)
}

fn row(fields: &[&str], columns: &[String]) -> Result<Row> {
    let [place, value, ..] = fields else { anyhow::bail!("too short") };
    let cells = columns.iter().zip(fields).skip(2).map(|(column, cell)| {
        let places = cell.split(", ").map(|part| match part.split_once(" = ") {
            Some((place, value)) => (plain(place), Some(value.to_owned())),
            None => (plain(part), None),
        });
        (column.clone(), places.collect())
    });
    Ok(Row { place: plain(place), value: (*value).to_owned(), cells: cells.collect() })
}

/// A place without the marks of code.
fn plain(place: &str) -> String {
    place.replace('`', "")
}

/// What the words for times stand for, in milliseconds.
#[derive(Debug)]
pub(super) struct Times {
    now: i64,
    pub(super) stored: i64,
}

impl Times {
    pub(super) fn now() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        // Odd, so that whole seconds cannot hold it.
        Self { now: now as i64 | 1, stored: 0 }
    }

    /// The values that a word of the table stands for.
    pub(super) fn values(&self, word: &str) -> Vec<Option<Bytes>> {
        let number = |number: i64| vec![Some(Bytes::from(number.to_string()))];
        match word {
            "null" => vec![None],
            "empty" => vec![Some(Bytes::new())],
            "now" => number(self.now),
            "now in seconds" => number(self.now / 1000),
            "now in whole seconds" => number(self.now / 1000 * 1000),
            "stored" => number(self.stored),
            "stored in seconds" => number(self.stored / 1000),
            _ => word.split(" then ").map(|code| Some(bytes(code.trim_matches('`')))).collect(),
        }
    }
}

fn bytes(code: &str) -> Bytes {
    match code.strip_prefix("0x") {
        None => code.to_owned().into(),
        Some(hex) => hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect(),
    }
}
