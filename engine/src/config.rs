//! What an engine is told once, at its start. Plain data, checked when the engine is built.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::scan::{RuleError, ScanConfig};
use crate::secure::SecurityConfig;

/// How hard Brotli tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Quality 2: for brokers with bandwidth to spare.
    Fast,
    /// Quality 5, what the reference implementation writes.
    #[default]
    Balanced,
    /// Quality 9: for archives and slow links.
    Small,
}

/// Whether payloads are compressed on their way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: for topics on which secret text and an attacker's share messages, as the length of what was compressed together tells
    /// how much of it was alike. Forms that compress give way to M2M v1, within which the payload stands as it is.
    Off,
    /// Where it pays.
    #[default]
    On,
}

/// Whether payloads are framed on their way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// Only opens: payloads go out as they are, so that all consumers of a fleet can be switched before its first producer.
    Off,
    /// Frames what gets smaller, and what could be mistaken for a frame.
    #[default]
    Auto,
    /// Frames every JSON payload too, so that each carries a header.
    Always,
}

/// A tokenizer of the token-native form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokenizer {
    /// `C`: cl100k_base, of GPT-3.5 and GPT-4.
    #[default]
    Cl100k,
    /// `O`: o200k_base, of GPT-4o and the o series.
    O200k,
    /// `L`: Llama 3, from a file that the user gives ([`Config::llama3`]).
    Llama3,
}

/// Bounds on what the engine takes in and gives out. All in bytes but for `json_depth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The longest frame that is written or opened; 16 MiB unless told otherwise.
    pub frame: usize,
    /// The longest payload, before framing and after opening; 16 MiB unless told otherwise. Checked while inflating.
    pub inflated: usize,
    /// How deep JSON may nest before it is framed as custom bytes; 1 to 1024, 128 unless told otherwise.
    pub json_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame: 16 << 20, inflated: 16 << 20, json_depth: 128 }
    }
}

/// What an engine is told.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// What is framed.
    pub framing: Framing,
    /// Whether anything is compressed.
    pub compression: Compression,
    /// How hard Brotli tries.
    pub level: Level,
    /// Which tokenizer a forced token-native form uses.
    pub tokenizer: Tokenizer,
    /// The bytes of Llama 3's published `tokenizer.model` (a tiktoken file), if `L` is to be read and written.
    pub llama3: Option<Arc<[u8]>>,
    /// Model prices in TOML, put before the built-in ones (see `cost.toml` for the form).
    pub prices: Option<String>,
    /// Bounds.
    pub limits: Limits,
    /// How messages are screened for threats.
    pub scan: ScanConfig,
    /// Keys, and what is demanded of messages; nothing is signed or encrypted without.
    pub security: Option<SecurityConfig>,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A bound outside its range.
    #[error("limits.{name} is {value}; it must be from {min} to {max}")]
    Limit {
        /// The field's name.
        name: &'static str,
        /// What it was set to.
        value: usize,
        /// Its least value.
        min: usize,
        /// Its greatest value.
        max: usize,
    },
    /// A bucket of padding outside its range.
    #[error("security.padding is {value}; it must be from 64 to 65536")]
    Padding {
        /// What it was set to.
        value: usize,
    },
    /// Padding, and the active key only signs: what can be read shows its length.
    #[error("security.padding needs an active key that encrypts")]
    PaddingOfText,
    /// New keys for an engine that was made without.
    #[error("the engine was made without keys (security)")]
    NoKeys,
    /// The price list is not what `cost.toml` shows.
    #[error("the list of model prices cannot be read")]
    Prices(#[source] toml::de::Error),
    /// A threshold that no score reaches, or that is no number.
    #[error("scan.policy.{name} is {threshold}; it must be from 0 to 1")]
    Threshold {
        /// The category.
        name: &'static str,
        /// What it was set to.
        threshold: f32,
    },
    /// An entry of the allow-list is no JSON pointer.
    #[error(
        "scan.danger.allow.pointers has {pointer:?}; a JSON pointer is empty or begins with a slash"
    )]
    Pointer {
        /// The entry.
        pointer: String,
    },
    /// An entry of the allow-list is no SHA-256.
    #[error("scan.danger.allow.sha256 has {hash:?}; it must be 64 hex digits")]
    Sha256 {
        /// The entry.
        hash: String,
    },
    /// A rule of the scanner cannot be used.
    #[error("scan.rules cannot be used")]
    Rules(#[from] RuleError),
    /// The Llama 3 tokenizer is not the published file: 128,000 lines of a token in base64 and its rank.
    #[error("the Llama 3 tokenizer is not the published tokenizer.model: line {line}")]
    Llama3 {
        /// The first line that is wrong or missing, from 1.
        line: usize,
    },
}

impl Config {
    /// # Errors
    /// When a bound is out of its range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        // Lengths on the wire are u32.
        let lengths = (64, (u32::MAX >> 1).try_into().unwrap_or(usize::MAX));
        let Limits { frame, inflated, json_depth } = self.limits;
        for (name, value, (min, max)) in [
            ("frame", frame, lengths),
            ("inflated", inflated, lengths),
            ("json_depth", json_depth, (1, 1024)),
        ] {
            if value < min || value > max {
                return Err(ConfigError::Limit { name, value, min, max });
            }
        }
        Ok(())
    }
}
