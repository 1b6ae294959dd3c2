//! Step 1. In: the payload. Out: Scanned. Next: choose.

use std::ops::Range;

use crate::flow::Outbound;
use crate::frame::Header;
use crate::json;

/// Something that a scanner found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// From 0 (harmless) to 1 (certain).
    pub severity: f32,
    /// Where in the payload, in bytes.
    pub range: Range<usize>,
}

impl Finding {
    /// A finding of `rule` at `range`, of a severity from 0 to 1.
    #[must_use]
    pub fn new(rule: impl Into<String>, severity: f32, range: Range<usize>) -> Self {
        Self { rule: rule.into(), severity, range }
    }
}

/// Looks for threats in a payload. It only reports; a [`Policy`] decides.
pub trait Scan: Send + Sync {
    /// What was found, in the order of the payload.
    fn scan(&self, payload: &[u8], outbound: &Outbound<'_>) -> Vec<Finding>;
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
    outbound: &Outbound<'_>,
) -> Result<Scanned<'a>, Vec<Finding>> {
    let findings = match screening {
        Screening::NoScanner => Vec::new(),
        Screening::Scanner { scanner, policy } => {
            let findings = scanner.scan(payload, outbound);
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
