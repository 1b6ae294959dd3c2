//! How a payload is built: limits on JSON, names that stand twice, bytes that are not the text they claim to be.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Category, Finding};

/// From where on the build of a JSON payload is a finding, which is blocked unless [`super::Policies::structure`] says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StructureLimits {
    /// This many containers within one another, or more; 32 unless told otherwise.
    pub depth: usize,
    /// A string of more bytes than this, as it is written; 10 MiB unless told otherwise.
    pub string: usize,
    /// An array of more elements than this; 10,000 unless told otherwise.
    pub array: usize,
}

impl Default for StructureLimits {
    fn default() -> Self {
        Self { depth: 32, string: 10 << 20, array: 10_000 }
    }
}

/// What can be wrong with a payload's build. Each is reported once for a message, where it comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offence {
    Depth,
    LongString,
    LongArray,
    DuplicateName,
    Nul,
    InvalidUtf8,
    BrokenJson,
}

impl Offence {
    fn rule(self) -> (&'static str, f32) {
        match self {
            Self::Depth => ("structure-depth", 1.0),
            Self::LongString => ("structure-string", 1.0),
            Self::LongArray => ("structure-array", 1.0),
            // Readers differ in which of the two counts.
            Self::DuplicateName => ("duplicate-name", 0.8),
            Self::Nul => ("nul-in-text", 0.8),
            Self::InvalidUtf8 => ("invalid-utf8", 0.8),
            Self::BrokenJson => ("broken-json", 0.8),
        }
    }

    pub(super) fn finding(self, range: Range<usize>, pointer: String) -> Finding {
        let (rule, severity) = self.rule();
        Finding { pointer, ..Finding::new(rule, Category::Malformed, severity, range) }
    }

    /// Whether it is one of [`StructureLimits`].
    pub(super) fn is_limit(self) -> bool {
        match self {
            Self::Depth | Self::LongString | Self::LongArray => true,
            Self::DuplicateName | Self::Nul | Self::InvalidUtf8 | Self::BrokenJson => false,
        }
    }
}

/// Whether bytes that are not UTF-8, or hold a NUL, claim to be text: they begin as JSON does, or nearly all of them are text.
pub(super) fn claims_text(payload: &[u8]) -> bool {
    // A binary format may begin as JSON by chance; it does not go on so.
    if let Some(b'{' | b'[' | b'"') = payload.trim_ascii_start().first() {
        let start = payload.get(..64).unwrap_or(payload);
        return odd(start).saturating_mul(2) <= start.len();
    }
    odd(payload).saturating_mul(8) <= payload.len()
}

/// Whether a text claims to be JSON: it opens and closes as an object or an array does. A word or a heading in brackets does not, nor do
/// a template's double braces and a Python dictionary.
pub(super) fn claims_json(text: &str) -> bool {
    let text = text.trim_ascii();
    let closes = text.ends_with(['}', ']']);
    match (text.strip_prefix('{'), text.strip_prefix('[')) {
        (Some(inside), _) => closes && !inside.trim_ascii_start().starts_with(['{', '\'']),
        (_, Some(inside)) => {
            let word = |next: char| next.is_alphabetic() || next == '#';
            closes && !inside.starts_with("[ ") && !inside.trim_ascii_start().starts_with(word)
        }
        _ => false,
    }
}

/// Bytes that do not stand in texts.
fn odd(payload: &[u8]) -> usize {
    let controls = |text: &str| {
        text.bytes().filter(|byte| *byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(byte)).count()
    };
    payload.utf8_chunks().map(|chunk| chunk.invalid().len() + controls(chunk.valid())).sum()
}
