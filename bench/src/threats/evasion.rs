//! Attacks that are found, spelled otherwise: how many are still found.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Sides;
use super::tables::{Judged, share};
use crate::report::Table;

/// How many attacks are disguised.
const ATTACKS: usize = 200;

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

/// A disguise: its name, and how it spells a text.
type Disguise = (&'static str, fn(&str) -> String);

const DISGUISES: [Disguise; 20] = [
    ("upper case", |text| text.to_ascii_uppercase()),
    ("aLtErNaTiNg case", alternating),
    ("full width", |text| shift(text, 0xfee0, '!', '~')),
    ("mathematical bold", bold),
    ("zero-width space in words", |text| between(text, "\u{200b}")),
    ("soft hyphen in words", |text| between(text, "\u{ad}")),
    ("bidirectional marks in words", |text| between(text, "\u{200f}")),
    ("tag characters in words", |text| between(text, "\u{e0061}")),
    ("combining marks", |text| between(text, "\u{301}")),
    ("Cyrillic look-alikes", |text| swap(text, "aceopxyis", "асеорхуіѕ")),
    ("Greek look-alikes", |text| swap(text, "aiouv", "αιουν")),
    ("s p a c e d  o u t", |text| spaced(text, " ")),
    ("h-y-p-h-e-n-s", |text| spaced(text, "-")),
    ("leet digits", |text| swap(text, "eoiast", "301457")),
    ("runs of white space", |text| text.replace(' ', " \n\t ")),
    ("base64", |text| BASE64_STANDARD.encode(text)),
    ("hex", |text| each(text, |out, byte| write!(out, "{byte:02x}"))),
    ("percent", |text| each(text, |out, byte| write!(out, "%{byte:02X}"))),
    ("HTML entities", |text| each(text, |out, byte| write!(out, "&#{byte};"))),
    ("JSON escapes", |text| {
        let escaped = each(text, |out, byte| write!(out, "\\u{byte:04x}"));
        format!("{{\"content\":\"{escaped}\"}}")
    }),
];

/// How many of the attacks are found in each disguise.
pub(super) fn table(attacks: &[String], sides: &Sides) -> Table {
    let step = (attacks.len() / ATTACKS).max(1);
    let chosen: Vec<&String> = attacks.iter().step_by(step).take(ATTACKS).collect();
    let note = "Attacks in plain ASCII that our rules find as they are, picked evenly; the reference's own share beside it.";
    let mut table = Table::new("evasion", note, &["disguise", "still found", "reference"]);
    let mut row = |name: &str, disguise: fn(&str) -> String| {
        let texts: Vec<String> = chosen.iter().map(|text| disguise(text)).collect();
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

fn alternating(text: &str) -> String {
    let upper = |(at, char): (usize, char)| {
        if at % 2 == 0 { char.to_ascii_lowercase() } else { char.to_ascii_uppercase() }
    };
    text.chars().enumerate().map(upper).collect()
}

/// The characters from `first` to `last` as those `by` further on.
fn shift(text: &str, by: u32, first: char, last: char) -> String {
    let shifted = |char: char| {
        if (first..=last).contains(&char) {
            char::from_u32(u32::from(char) + by).unwrap_or(char)
        } else {
            char
        }
    };
    text.chars().map(shifted).collect()
}

fn bold(text: &str) -> String {
    let lower = shift(text, 0x1d41a - u32::from('a'), 'a', 'z');
    shift(&lower, 0x1d400 - u32::from('A'), 'A', 'Z')
}

/// Something after every letter that another one follows.
fn between(text: &str, what: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        out.push(char);
        if char.is_ascii_alphabetic() && rest.peek().is_some_and(char::is_ascii_alphabetic) {
            out.push_str(what);
        }
    }
    out
}

/// Letters apart, words further apart.
fn spaced(text: &str, gap: &str) -> String {
    let apart = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(gap);
    text.split_whitespace().map(apart).collect::<Vec<_>>().join("  ")
}

fn swap(text: &str, from: &str, to: &str) -> String {
    let swapped = |char: char| {
        from.chars().zip(to.chars()).find(|(one, _)| *one == char).map_or(char, |(_, other)| other)
    };
    text.chars().map(swapped).collect()
}

fn each(text: &str, write: fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        write(&mut out, byte).unwrap();
    }
    out
}
