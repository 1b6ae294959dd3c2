//! Why a message is not wrapped, and why one is not opened.

use crate::error::{Classify, Transience};
use crate::frame::{FrameError, Security};
use crate::scan::{Finding, Verdict};

/// Why a payload was not wrapped. It is untouched, and may be sent otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// Longer than `limits.inflated`.
    #[error("the payload has {len} bytes; the limit is {limit} (limits.inflated)")]
    PayloadTooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Its frame is longer than `limits.frame`.
    #[error("the frame has {len} bytes; the limit is {limit} (limits.frame)")]
    FrameTooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// The scanner found what the policy blocks.
    #[error("blocked by the scanner: {}", names(.findings))]
    Blocked {
        /// All findings of the message, without their pointers, as these hold names from the payload.
        findings: Vec<Finding>,
    },
    /// Token-native with Llama 3 was asked for, and no tokenizer file was given.
    #[error("token-native L needs Llama 3's tokenizer.model, and none is configured (llama3)")]
    NoLlama3Tokenizer,
}

/// Rules and ranges, the strongest first, at most eight of them.
fn names(findings: &[Finding]) -> String {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by(|a, b| b.severity.total_cmp(&a.severity));
    let names =
        findings.iter().map(|f| format!("{} at {}..{}", f.rule, f.range.start, f.range.end));
    let mut names: Vec<String> = names.take(8).collect();
    if let Some(more @ 1..) = findings.len().checked_sub(names.len()) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// What a refusal tells of a verdict.
pub(super) fn told(verdict: Verdict) -> Vec<Finding> {
    let mut findings = verdict.findings;
    for finding in &mut findings {
        finding.pointer.clear();
    }
    findings
}

impl Classify for WrapError {
    fn transience(&self) -> Transience {
        match self {
            Self::PayloadTooLong { .. }
            | Self::FrameTooLong { .. }
            | Self::Blocked { .. }
            | Self::NoLlama3Tokenizer => Transience::Permanent,
        }
    }
}

/// Why a message was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not a frame of the form that its prefix announces, or damaged.
    #[error("the frame cannot be read")]
    Frame(#[from] FrameError),
    /// It is signed or encrypted, and no key is configured.
    #[error("the frame is secured ({mode}), and no key is configured")]
    Secured {
        /// How it is secured.
        mode: Security,
    },
    /// Longer than `limits.frame`.
    #[error("the frame has {len} bytes; the limit is {limit} (limits.frame)")]
    FrameTooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Its payload is longer than `limits.inflated`.
    #[error("the payload inflates to more than {limit} bytes (limits.inflated)")]
    PayloadTooLong {
        /// The limit.
        limit: usize,
    },
    /// The scanner found what the policy blocks ([`crate::scan::ScanConfig::inbound`]).
    #[error("blocked by the scanner: {}", names(.findings))]
    Blocked {
        /// All findings of the message, without their pointers, as these hold names from the payload.
        findings: Vec<Finding>,
    },
    /// It was opened before, under another identity: sent twice by a relay, or captured and sent again. To be acknowledged and dropped.
    #[error("the message was received before")]
    Repeated,
    /// Token-native with Llama 3, and no tokenizer file was given.
    #[error("token-native L needs Llama 3's tokenizer.model, and none is configured (llama3)")]
    NoLlama3Tokenizer,
}

impl Classify for OpenError {
    fn transience(&self) -> Transience {
        match self {
            Self::Frame(_)
            | Self::Secured { .. }
            | Self::FrameTooLong { .. }
            | Self::PayloadTooLong { .. }
            | Self::Blocked { .. }
            | Self::Repeated
            | Self::NoLlama3Tokenizer => Transience::Permanent,
        }
    }
}
