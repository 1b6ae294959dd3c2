//! Text that compresses about as prose and tool output do.

use std::ops::Range;

use fastrand::Rng;
use serde_json::{Value, json};

const WORDS: &str = include_str!("words.txt");

/// Who writes a conversation's texts: some words, and some whole sentences, come again and again within it.
pub(super) struct Speaker {
    rng: Rng,
    words: Vec<&'static str>,
    said: Vec<String>,
}

impl Speaker {
    pub(super) fn new(rng: Rng) -> Self {
        let mut speaker = Self { rng, words: WORDS.split_whitespace().collect(), said: Vec::new() };
        speaker.rng.shuffle(&mut speaker.words[40..]);
        speaker
    }

    /// The words at the front of the list are the most frequent, as Zipf's law has it.
    fn word(&mut self) -> &'static str {
        let rank = (self.words.len() as f64).powf(self.rng.f64()) as usize;
        self.words[rank.min(self.words.len()) - 1]
    }

    pub(super) fn name(&mut self) -> String {
        let rare = &self.words[40..];
        format!("{}_{}", self.rng.choice(rare).unwrap(), self.rng.choice(rare).unwrap())
    }

    pub(super) fn sentence(&mut self) -> String {
        if !self.said.is_empty() && self.rng.u8(..) < 40 {
            return self.rng.choice(&self.said).unwrap().clone();
        }
        let count = self.rng.usize(5..20);
        let words: Vec<_> = (0..count).map(|_| self.word()).collect();
        let mut text = words.join(" ");
        text[..1].make_ascii_uppercase();
        match self.rng.u8(..20) {
            0 => {
                text.push_str(&format!(": {}.{:02} EUR", self.rng.u32(1..900), self.rng.u32(..100)))
            }
            1 => text.push_str(&format!(" (\"{}\")", self.word())),
            2 => text.push_str(&format!(", order #{:08}", self.rng.u32(..100_000_000))),
            3 => text.push_str(" – naïve café, 北京"),
            _ => {}
        }
        text.push('.');
        self.said.push(text.clone());
        text
    }

    pub(super) fn paragraph(&mut self, sentences: Range<usize>) -> String {
        let count = self.rng.usize(sentences);
        let mut text = String::new();
        for _ in 0..count {
            text.push_str(&self.sentence());
            text.push_str(if self.rng.u8(..6) == 0 { "\n\n" } else { " " });
        }
        text
    }

    pub(super) fn arguments(&mut self) -> Value {
        let (name, number) = (self.name(), self.rng.u32(..1000));
        json!({"query": self.sentence(), name: number, "date": format!("2026-{:02}-{:02}", self.rng.u8(1..13), self.rng.u8(1..29))})
    }
}
