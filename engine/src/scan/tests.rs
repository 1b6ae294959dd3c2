#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod build;
mod decisions;
mod items;
mod passages;
mod speakers;

use super::*;
use crate::{Engine, Inbound, OpenError, Outbound, WrapError};

/// Finds words: each a rule of its own, with the word as id.
struct Words(Vec<(&'static str, Category, f32)>);

impl Scan for Words {
    fn scan(&self, passage: &Passage<'_>, findings: &mut Vec<Finding>) {
        for (word, category, severity) in &self.0 {
            if let Some(at) = passage.text.find(word) {
                findings.push(Finding::new(*word, *category, *severity, at..at + word.len()));
            }
        }
    }
}

/// Finds nothing.
struct NoRules;

impl Scan for NoRules {
    fn scan(&self, _: &Passage<'_>, _: &mut Vec<Finding>) {}
}

/// Tells who spoke each passage: the rule's id is the speaker.
struct Who;

impl Scan for Who {
    fn scan(&self, passage: &Passage<'_>, findings: &mut Vec<Finding>) {
        let speaker = format!("{:?}", passage.speaker);
        findings.push(Finding::new(speaker, Category::Injection, 0.1, 0..passage.text.len()));
    }
}

fn engine(scan: ScanConfig, scanner: impl Scan + 'static) -> Engine {
    let config = Config { scan, ..Config::default() };
    Engine::new(config).unwrap().with_scanner(scanner)
}

/// Flags "betray".
fn alert(scan: ScanConfig) -> Engine {
    engine(scan, Words(vec![("betray", Category::Injection, 0.9)]))
}
