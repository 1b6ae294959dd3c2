//! Attacks that are found, spelled otherwise: how many are still found.

use super::Sides;
use super::disguises::DISGUISES;
use super::tables::{Judged, share};
use crate::report::Table;

/// The attacks that a disguise of Latin letters fits, and that are found as they are.
pub(super) fn suitable(judged: &[Judged<'_>]) -> Vec<String> {
    let latin = |text: &str| text.chars().filter(char::is_ascii_alphabetic).count() * 5;
    judged
        .iter()
        .filter(|one| one.ours && one.row.is_attack() && one.row.label != "malformed")
        .map(|one| &one.row.text)
        .filter(|text| text.is_ascii() && latin(text) >= text.len() * 3)
        .cloned()
        .collect()
}

/// How many of the attacks are found in each disguise.
pub(super) fn table(attacks: &[String], sides: &Sides) -> Table {
    let note = "All attacks in plain ASCII that our rules find as they are; the reference's own share beside it.";
    let mut table = Table::new("evasion", note, &["disguise", "still found", "reference"]);
    let mut row = |name: &str, disguise: fn(&str) -> String| {
        let texts: Vec<String> = attacks.iter().map(|text| disguise(text)).collect();
        let ours = texts.iter().filter(|text| sides.ours(text)).count();
        let reference = texts.iter().filter(|text| sides.reference(text)).count();
        table.row([name.to_owned(), share(ours, texts.len()), share(reference, texts.len())]);
    };
    row("none", str::to_owned);
    for (name, disguise) in DISGUISES {
        row(name, disguise);
    }
    table
}
