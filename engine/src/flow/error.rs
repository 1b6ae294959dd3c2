//! Why a message is not wrapped, and why one is not opened.

use std::time::Duration;

use crate::encode::Algorithm;
use crate::error::{Classify, Transience};
use crate::frame::{FrameError, Security};
use crate::scan::{Finding, Verdict};
use crate::secure::{NoRandomness, PolicyError};

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
    /// It would go out in a form that cannot be signed or encrypted, and the policy is [`crate::secure::Policy::Require`].
    #[error("the policy requires security, which a message of the form {:?} cannot have", .algorithm.name())]
    Unsecured {
        /// What was to be done to it: forced by the caller, or by [`crate::Framing::Off`].
        algorithm: Algorithm,
    },
    /// It is to be stamped, and [`crate::Outbound::time`] is not given.
    #[error("the message is to be stamped, and the time is not given")]
    TimeMissing,
    /// There is no nonce for it.
    #[error("the message cannot be secured")]
    NoRandomness(#[from] NoRandomness),
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
            | Self::NoLlama3Tokenizer
            | Self::Unsecured { .. }
            | Self::TimeMissing => Transience::Permanent,
            Self::NoRandomness(_) => Transience::Transient,
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
    /// It is not what somebody with the key has secured. There is nothing to tell about why: another key, a changed bit, a changed key
    /// id or stamp, an end cut off all look the same.
    #[error("the message is not authentic")]
    Authentication,
    /// It is less secure than it has to be ([`crate::secure::Policy::Require`]).
    #[error("the message is less secure than the policy requires")]
    Policy(#[from] PolicyError),
    /// It is authentic, and was sent to another destination or under another message key
    /// ([`crate::secure::SecurityConfig::bind_destination`]).
    #[error("the message was sent to another destination, or under another key")]
    Elsewhere,
    /// It is authentic, and so old that whether it came before is not known ([`crate::secure::Replay`]).
    #[error("the message was sent {age:?} ago, and what came before is remembered for {window:?}")]
    Stale {
        /// How long ago it was sent.
        age: Duration,
        /// How far back the window reaches: its age, or less where it is full.
        window: Duration,
    },
    /// It is authentic, and sent in the future: a clock is wrong.
    #[error("the message was sent {ahead:?} ahead of this clock")]
    Early {
        /// How far.
        ahead: Duration,
    },
    /// It is to be judged by its time, and [`crate::Inbound::time`] is not given.
    #[error("replay protection is on, and the time is not given")]
    TimeMissing,
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
            | Self::Authentication
            | Self::Policy(_)
            | Self::Elsewhere
            | Self::Stale { .. }
            | Self::Early { .. }
            | Self::TimeMissing
            | Self::Repeated
            | Self::NoLlama3Tokenizer => Transience::Permanent,
        }
    }
}
