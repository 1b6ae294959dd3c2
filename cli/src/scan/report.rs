//! What is said of a verdict.

use comfy_table::Table;
use m2m_engine::scan::{Category, Finding, Outcome, Verdict};
use serde_json::{Map, Value, json};

use crate::output;

/// `clean`, `flagged` or `blocked`.
pub(super) fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unscreened => "unscreened",
        Outcome::Clean => "clean",
        Outcome::Flagged => "flagged",
        Outcome::Blocked => "blocked",
    }
}

/// One line of JSON; `of` says whose verdict it is.
pub(super) fn json(verdict: &Verdict, of: Option<(&str, Value)>) -> String {
    let findings: Vec<Value> = verdict.findings.iter().map(finding).collect();
    let mut object: Map<String, Value> =
        of.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    object.insert("verdict".to_owned(), name(verdict.outcome).into());
    object.insert("score".to_owned(), rounded(verdict.score));
    object.insert("findings".to_owned(), findings.into());
    format!("{}\n", Value::Object(object))
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule,
        "category": finding.category.name(),
        "severity": rounded(finding.severity),
        "range": [finding.range.start, finding.range.end],
        "pointer": finding.pointer,
    })
}

/// Without the digits that only `f64` sees in an `f32`.
fn rounded(score: f32) -> Value {
    ((f64::from(score) * 10_000.0).round() / 10_000.0).into()
}

/// The verdict in one line, and its findings in a table.
pub(super) fn text(verdict: &Verdict) -> String {
    let line = line(verdict);
    if verdict.findings.is_empty() {
        return format!("{line}\n");
    }
    let mut table = output::table();
    table.set_header(["rule", "category", "severity", "bytes", "pointer"]);
    for finding in &verdict.findings {
        table.add_row([
            output::printable(&finding.rule),
            finding.category.name().to_owned(),
            format!("{:.2}", finding.severity),
            format!("{}..{}", finding.range.start, finding.range.end),
            output::printable(&finding.pointer),
        ]);
    }
    format!("{line}\n{table}\n")
}

/// `flagged, score 0.92: ignore-previous (injection) at 17..40 of /messages/0/content`
pub(super) fn line(verdict: &Verdict) -> String {
    let name = name(verdict.outcome);
    let Some(strongest) = &verdict.strongest else {
        return name.to_owned();
    };
    let Finding { rule, category, range, pointer, .. } = strongest;
    let line = format!(
        "{name}, score {:.2}: {rule} ({}) at {}..{}",
        verdict.score,
        category.name(),
        range.start,
        range.end
    );
    let place = if pointer.is_empty() { String::new() } else { format!(" of {pointer}") };
    output::printable(&(line + &place))
}

/// What became of many records.
#[derive(Debug, Default)]
pub(super) struct Summary {
    clean: usize,
    flagged: [usize; Category::ALL.len()],
    blocked: [usize; Category::ALL.len()],
}

impl Summary {
    pub(super) fn count(&mut self, verdict: &Verdict) {
        let category = verdict.strongest.as_ref().map(|finding| finding.category);
        let at = Category::ALL.iter().position(|known| Some(*known) == category);
        let counter = match verdict.outcome {
            Outcome::Unscreened | Outcome::Clean => Some(&mut self.clean),
            Outcome::Flagged => at.and_then(|at| self.flagged.get_mut(at)),
            Outcome::Blocked => at.and_then(|at| self.blocked.get_mut(at)),
        };
        counter.into_iter().for_each(|counter| *counter += 1);
    }

    pub(super) fn is_clean(&self) -> bool {
        self.flagged.iter().chain(&self.blocked).all(|count| *count == 0)
    }

    pub(super) fn table(&self) -> String {
        let (flagged, blocked) =
            (self.flagged.iter().sum::<usize>(), self.blocked.iter().sum::<usize>());
        let records = self.clean + flagged + blocked;
        let mut table = output::table();
        table.set_header(["category", "flagged", "blocked"]);
        for (at, category) in Category::ALL.iter().enumerate() {
            let count = |counts: &[usize]| counts.get(at).copied().unwrap_or_default().to_string();
            table.add_row([category.name(), &count(&self.flagged), &count(&self.blocked)]);
        }
        align(&mut table);
        format!(
            "{records} records: {} clean, {flagged} flagged, {blocked} blocked\n{table}\n",
            self.clean
        )
    }
}

fn align(table: &mut Table) {
    for column in 1..=2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
}
