//! Counts of what was flagged.

use std::collections::BTreeMap;

use super::{Row, Sides};
use crate::data::{Kind, Message};
use crate::report::Table;

/// A text, and who flags it.
pub(super) struct Judged<'a> {
    pub(super) row: &'a Row,
    pub(super) ours: bool,
    reference: bool,
}

impl<'a> Judged<'a> {
    pub(super) fn new(row: &'a Row, sides: &Sides) -> Self {
        Self { row, ours: sides.ours(&row.text), reference: sides.reference(&row.text) }
    }
}

#[derive(Default)]
struct Count {
    rows: usize,
    ours: usize,
    reference: usize,
    plain: usize,
    ours_plain: usize,
}

impl Count {
    fn add(&mut self, one: &Judged<'_>) {
        self.rows += 1;
        self.ours += usize::from(one.ours);
        self.reference += usize::from(one.reference);
        if !one.row.ctx {
            self.plain += 1;
            self.ours_plain += usize::from(one.ours);
        }
    }

    fn cells(&self, name: &str) -> [String; 5] {
        [
            name.to_owned(),
            self.rows.to_string(),
            share(self.ours, self.rows),
            share(self.ours_plain, self.plain),
            share(self.reference, self.rows),
        ]
    }
}

const COLUMNS: [&str; 5] = ["", "rows", "flagged", "without ctx rows", "reference"];

/// How many of each label.
pub(super) fn labels(split: &str, judged: &[Judged<'_>]) -> Table {
    let note = "Flagged at 0.8. Benign: false positives; the others: recall. The last column is the reference implementation's scanner.";
    let mut counts = BTreeMap::<&str, Count>::new();
    for one in judged {
        counts.entry(&one.row.label).or_default().add(one);
        if one.row.is_attack() {
            counts.entry("all but benign").or_default().add(one);
        }
    }
    table(&format!("{split}, by label"), note, counts.iter().map(|(name, count)| (*name, count)))
}

/// How many of each source; of benign sources only those where something is flagged.
pub(super) fn sources(split: &str, judged: &[Judged<'_>]) -> Table {
    let mut counts = BTreeMap::<String, Count>::new();
    for one in judged {
        counts.entry(format!("{}: {}", one.row.label, one.row.source)).or_default().add(one);
    }
    counts.retain(|name, count| !name.starts_with("benign") || count.ours + count.reference > 0);
    let note = "Benign sources stand here only where somebody flags something.";
    table(
        &format!("{split}, by label and source"),
        note,
        counts.iter().map(|(name, count)| (name.as_str(), count)),
    )
}

fn table<'c>(title: &str, note: &str, counts: impl Iterator<Item = (&'c str, &'c Count)>) -> Table {
    let mut table = Table::new(title, note, &COLUMNS);
    for (name, count) in counts {
        table.row(count.cells(name));
    }
    table
}

/// How many messages of real agents are flagged; all of these are false.
pub(super) fn traffic(messages: &[Message], sides: &Sides) -> Table {
    let note = "Messages of real agents: whatever is flagged is a false alarm.";
    let columns = ["", "messages", "flagged", "blocked", "reference"];
    let mut table = Table::new("agent traffic", note, &columns);
    for kind in Kind::ALL {
        let of: Vec<&str> =
            messages.iter().filter(|one| one.kind == kind).map(|one| one.json.as_str()).collect();
        let count = |flags: &dyn Fn(&str) -> bool| of.iter().filter(|json| flags(json)).count();
        table.row([
            kind.name().to_owned(),
            of.len().to_string(),
            count(&|json| sides.ours(json)).to_string(),
            count(&|json| sides.blocked(json)).to_string(),
            count(&|json| sides.reference(json)).to_string(),
        ]);
    }
    table
}

/// `3/10 (30.0 %)`.
pub(super) fn share(part: usize, whole: usize) -> String {
    format!("{part}/{whole} ({:.1} %)", 100.0 * part as f64 / whole.max(1) as f64)
}
