//! Why a message is not wrapped, and why one is not opened.

use crate::error::{Classify, Transience};
use crate::frame::{FrameError, Security};
use crate::scan::Finding;

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
        /// All findings of the message.
        findings: Vec<Finding>,
    },
    /// Token-native with Llama 3 was asked for, and no tokenizer file was given.
    #[error("token-native L needs Llama 3's tokenizer.model, and none is configured (llama3)")]
    NoLlama3Tokenizer,
}

fn names(findings: &[Finding]) -> String {
    let names: Vec<String> = findings
        .iter()
        .map(|f| format!("{} at {}..{}", f.rule, f.range.start, f.range.end))
        .collect();
    names.join(", ")
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
            | Self::Repeated
            | Self::NoLlama3Tokenizer => Transience::Permanent,
        }
    }
}
