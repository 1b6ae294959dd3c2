//! Step 1. In: the payload. Out: Scanned. Next: choose.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::flow::Outbound;
use crate::frame::Header;
use crate::json;

/// What kind of threat a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Instructions that are not the speaker's to give.
    Injection,
    /// Talk meant to take a model's guard down.
    Jailbreak,
    /// Secrets on their way out, or a request for them.
    Exfiltration,
    /// Rights that the speaker does not have, claimed.
    PrivilegeEscalation,
    /// A payload built to break its reader.
    Malformed,
}

/// Who says a text, as far as the payload tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The operator: a system or developer message.
    Operator,
    /// A user's message.
    User,
    /// A model's.
    Assistant,
    /// Data: a tool's result.
    Tool,
    /// Not told.
    Unknown,
}

/// One text to look at: a string value of JSON, or a whole payload that is text.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Passage<'a> {
    /// What a model will read: unescaped.
    pub text: &'a str,
    /// Who says it.
    pub speaker: Speaker,
}

/// Something that a scanner found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// What kind of threat it is.
    pub category: Category,
    /// From 0 (harmless) to 1 (certain).
    pub severity: f32,
    /// Where, in bytes: within the passage as a [`Scan`] gives it, within the payload as the engine hands it on.
    pub range: Range<usize>,
    /// The JSON pointer (RFC 6901) of the string that holds it; empty in what is not JSON, and as a [`Scan`] gives it.
    pub pointer: String,
}

impl Finding {
    /// A finding of `rule` at `range`, of a severity from 0 to 1.
    #[must_use]
    pub fn new(
        rule: impl Into<String>,
        category: Category,
        severity: f32,
        range: Range<usize>,
    ) -> Self {
        Self { rule: rule.into(), category, severity, range, pointer: String::new() }
    }
}

/// Looks for threats in one text. It only reports; a [`Policy`] decides.
///
/// What it finds depends on the passage alone, so that a passage already judged need not be judged again.
pub trait Scan: Send + Sync {
    /// Adds what was found, in the order of the text.
    fn scan(&self, passage: &Passage<'_>, findings: &mut Vec<Finding>);
}

/// What becomes of findings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Policy {
    /// Messages with a finding of at least this severity are refused, the others pass.
    Block {
        /// From 0 to 1.
        threshold: f32,
    },
    /// Findings are handed to the caller, every message passes.
    Flag,
}

/// Whether messages are screened; named in full, because an engine that screens nothing must say so.
#[derive(Default)]
pub enum Screening {
    /// No scanner is configured: nothing is looked at, everything passes.
    #[default]
    NoScanner,
    /// A scanner looks at every message.
    Scanner {
        /// Finds.
        scanner: Box<dyn Scan>,
        /// Decides.
        policy: Policy,
    },
}

impl std::fmt::Debug for Screening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoScanner => f.write_str("NoScanner"),
            Self::Scanner { policy, .. } => {
                f.debug_struct("Scanner").field("policy", policy).finish_non_exhaustive()
            }
        }
    }
}

/// A payload that has passed the screening; there is no other way to the next step.
///
/// ```compile_fail
/// // Its fields are private: only the screening makes one.
/// let scanned = m2m_engine::scan::Scanned { payload: b"{}", header: None, findings: vec![] };
/// ```
#[derive(Debug)]
pub struct Scanned<'a> {
    payload: &'a [u8],
    header: Option<Header<'a>>,
    findings: Vec<Finding>,
}

impl<'a> Scanned<'a> {
    pub(crate) fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The header that this payload's frame would carry; `None` when it is not JSON.
    pub(crate) fn into_parts(self) -> (&'a [u8], Option<Header<'a>>, Vec<Finding>) {
        (self.payload, self.header, self.findings)
    }

    pub(crate) fn is_json(&self) -> bool {
        self.header.is_some()
    }
}

/// Screens a payload and reads the facts of its header, in one pass over its JSON.
///
/// # Errors
/// The findings for which the policy refuses the message.
pub(crate) fn screen<'a>(
    screening: &Screening,
    facts: &json::Facts,
    payload: &'a [u8],
    _outbound: &Outbound<'_>,
) -> Result<Scanned<'a>, Vec<Finding>> {
    let findings = match screening {
        Screening::NoScanner => Vec::new(),
        Screening::Scanner { scanner, policy } => {
            let mut findings = Vec::new();
            if let Ok(text) = simdutf8::basic::from_utf8(payload) {
                scanner.scan(&Passage { text, speaker: Speaker::Unknown }, &mut findings);
            }
            match policy {
                Policy::Block { threshold } => {
                    if findings.iter().any(|finding| finding.severity >= *threshold) {
                        return Err(findings);
                    }
                }
                Policy::Flag => {}
            }
            findings
        }
    };
    Ok(Scanned { payload, header: facts.read(payload), findings })
}
