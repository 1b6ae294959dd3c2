//! Llama 3's tokenizer, from the `tokenizer.model` that Meta publishes: a tiktoken file, a token in base64 and its rank on each line.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tiktoken_rs::CoreBPE;

/// How Llama 3 cuts text into pieces (`pat_str` in `llama/tokenizer.py` of meta-llama/llama3).
const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Ranks of the file: 0 to 127,999.
const RANKS: u32 = 128_000;

/// The special tokens that follow the ranks, `RESERVED` ones filling the gaps and the rest up to 128,255 (the same source; Llama 3.1
/// gave other names to some of the reserved ones).
const SPECIAL: u32 = 256;
const NAMED: [(u32, &str); 5] = [
    (0, "<|begin_of_text|>"),
    (1, "<|end_of_text|>"),
    (6, "<|start_header_id|>"),
    (7, "<|end_header_id|>"),
    (9, "<|eot_id|>"),
];

/// The file is not Llama 3's; the first line that shows it, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) line: usize,
}

/// The file, checked, and the tokenizer that is made of it at first use.
pub(super) struct Llama3 {
    file: Arc<[u8]>,
    bpe: OnceLock<CoreBPE>,
}

impl Llama3 {
    /// # Errors
    /// Unless every rank is there once, with a token of its own, and every byte is a token: on a file that lacks some of them, sender
    /// and receiver could disagree, or the tokenizer panic.
    pub(super) fn new(file: Arc<[u8]>) -> Result<Self, Malformed> {
        let mut tokens = HashSet::new();
        let mut ranks = HashSet::new();
        let mut last = 0;
        for (line, entry) in entries(&file) {
            let (token, rank) = entry.ok_or(Malformed { line })?;
            let known = rank < RANKS && !token.is_empty();
            if !(known && ranks.insert(rank) && tokens.insert(token)) {
                return Err(Malformed { line });
            }
            last = line;
        }
        let missing = |byte: u8| !tokens.contains([byte].as_slice());
        if u32::try_from(ranks.len()) != Ok(RANKS) || (0..=u8::MAX).any(missing) {
            return Err(Malformed { line: last + 1 });
        }
        Ok(Self { file, bpe: OnceLock::new() })
    }

    pub(super) fn get(&self) -> &CoreBPE {
        self.bpe.get_or_init(|| {
            let ranks = entries(&self.file).filter_map(|(_, entry)| entry).collect();
            CoreBPE::new(ranks, special().collect(), PATTERN)
                .expect("the pattern is constant and compiles")
        })
    }
}

/// The lines that are not empty, numbered from 1; `None` for one that is not a token and its rank.
fn entries(file: &[u8]) -> impl Iterator<Item = (usize, Option<(Vec<u8>, u32)>)> + '_ {
    let lines = file.split(|byte| *byte == b'\n').zip(1..);
    lines.map(|(text, line)| (text.trim_ascii(), line)).filter(|(text, _)| !text.is_empty()).map(
        |(text, line)| {
            let entry = || {
                let space = text.iter().position(|byte| *byte == b' ')?;
                let (token, rank) = text.split_at_checked(space)?;
                let rank = std::str::from_utf8(rank.trim_ascii_start()).ok()?;
                Some((STANDARD.decode(token).ok()?, rank.parse().ok()?))
            };
            (line, entry())
        },
    )
}

fn special() -> impl Iterator<Item = (String, u32)> {
    let mut reserved = 0;
    (0..SPECIAL).map(move |offset| {
        let name = match NAMED.iter().find(|(at, _)| *at == offset) {
            Some((_, name)) => (*name).to_owned(),
            None => {
                reserved += 1;
                format!("<|reserved_special_token_{}|>", reserved - 1)
            }
        };
        (name, RANKS + offset)
    })
}
