//! What an agent says of itself in HELLO and ACCEPT, and what two of them have in common.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Tokenizer;
use crate::encode;

/// The version of the protocol that is spoken here. Peers of the same major version can be talked to.
pub const VERSION: &str = "3.0";

/// How the payload of a DATA message is put, by the names that the protocol has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// M2M v1, in its text form.
    M2m,
    /// Token ids.
    TokenNative,
    /// Brotli in base64.
    Brotli,
    /// The text itself.
    None,
    /// One that is not known here; it is never chosen.
    #[serde(other)]
    Other,
}

impl Algorithm {
    /// The engine's own; `None` for one that is not known here.
    #[must_use]
    pub fn of_engine(self) -> Option<encode::Algorithm> {
        match self {
            Self::M2m => Some(encode::Algorithm::M2m),
            Self::TokenNative => Some(encode::Algorithm::TokenNative),
            Self::Brotli => Some(encode::Algorithm::Brotli),
            Self::None => Some(encode::Algorithm::Stored),
            Self::Other => None,
        }
    }
}

impl From<encode::Algorithm> for Algorithm {
    fn from(algorithm: encode::Algorithm) -> Self {
        match algorithm {
            encode::Algorithm::M2m => Self::M2m,
            encode::Algorithm::TokenNative => Self::TokenNative,
            encode::Algorithm::Brotli => Self::Brotli,
            encode::Algorithm::Stored => Self::None,
        }
    }
}

/// A tokenizer, by the names that the protocol has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Encoding {
    /// `C`.
    #[default]
    Cl100kBase,
    /// `O`.
    O200kBase,
    /// `L`.
    LlamaBpe,
    /// One that is not known here, or none at all; it is never chosen.
    #[serde(other)]
    Heuristic,
}

impl Encoding {
    /// The engine's own; `None` for one that is not known here.
    #[must_use]
    pub fn tokenizer(self) -> Option<Tokenizer> {
        match self {
            Self::Cl100kBase => Some(Tokenizer::Cl100k),
            Self::O200kBase => Some(Tokenizer::O200k),
            Self::LlamaBpe => Some(Tokenizer::Llama3),
            Self::Heuristic => None,
        }
    }
}

impl From<Tokenizer> for Encoding {
    fn from(tokenizer: Tokenizer) -> Self {
        match tokenizer {
            Tokenizer::Cl100k => Self::Cl100kBase,
            Tokenizer::O200k => Self::O200kBase,
            Tokenizer::Llama3 => Self::LlamaBpe,
        }
    }
}

/// What an agent can do with payloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compression {
    /// What it reads and writes, the preferred first.
    pub algorithms: Vec<Algorithm>,
    /// The longest payload that it takes, in bytes; 0 for no limit.
    pub max_payload: u64,
    /// Whether it reads streams.
    pub streaming: bool,
    /// Whether a model picks its algorithm.
    pub ml_routing: bool,
    /// The tokenizers that it has.
    #[serde(default)]
    pub encodings: Vec<Encoding>,
    /// The one that it would rather use.
    #[serde(default)]
    pub preferred_encoding: Encoding,
}

/// What an agent says of its screening. Said, not proven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Screening {
    /// Whether it looks for threats.
    pub threat_detection: bool,
    /// By what.
    pub model_version: Option<String>,
    /// Whether it blocks what it finds.
    pub blocking_mode: bool,
    /// From which score on, 0 to 1.
    pub block_threshold: f32,
}

impl Default for Screening {
    fn default() -> Self {
        Self {
            threat_detection: false,
            model_version: None,
            blocking_mode: false,
            block_threshold: 0.8,
        }
    }
}

/// What an agent says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The version of the protocol.
    pub version: String,
    /// Its id.
    pub agent_id: String,
    /// What kind of program it is.
    pub agent_type: String,
    /// What it can do with payloads.
    pub compression: Compression,
    /// What it says of its screening.
    pub security: Screening,
    /// Whatever else: the key exchange stands here, where implementations without it pass over it.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
}

/// What two agents agreed on. Each sends by its own order of preference, and reads all that it offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// How this side puts its payloads.
    pub algorithm: Algorithm,
    /// The tokenizer, where that is token-native.
    pub encoding: Encoding,
}

impl Capabilities {
    /// Whether both speak the same major version.
    #[must_use]
    pub fn is_compatible(&self, peer: &Self) -> bool {
        let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
        major(&self.version) == major(&peer.version)
    }

    /// What to send by: the first algorithm of ours that the peer reads; `None` where there is none.
    #[must_use]
    pub fn agree(&self, peer: &Self) -> Option<Agreed> {
        let (ours, theirs) = (&self.compression, &peer.compression);
        let common = |encoding: &Encoding| {
            *encoding != Encoding::Heuristic && theirs.encodings.contains(encoding)
        };
        let encoding = std::iter::once(&ours.preferred_encoding)
            .chain(&ours.encodings)
            .copied()
            .find(|encoding| common(encoding));
        let algorithm = ours.algorithms.iter().copied().find(|algorithm| match algorithm {
            Algorithm::Other => false,
            // Of no use without a tokenizer that both have.
            Algorithm::TokenNative => encoding.is_some() && theirs.algorithms.contains(algorithm),
            Algorithm::M2m | Algorithm::Brotli | Algorithm::None => {
                theirs.algorithms.contains(algorithm)
            }
        })?;
        Some(Agreed { algorithm, encoding: encoding.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(algorithms: &[Algorithm], encodings: &[Encoding]) -> Capabilities {
        Capabilities {
            version: VERSION.to_owned(),
            agent_id: "a".to_owned(),
            agent_type: "t".to_owned(),
            compression: Compression {
                algorithms: algorithms.to_vec(),
                max_payload: 0,
                streaming: true,
                ml_routing: false,
                encodings: encodings.to_vec(),
                preferred_encoding: encodings.first().copied().unwrap_or_default(),
            },
            security: Screening::default(),
            extensions: BTreeMap::new(),
        }
    }

    #[test]
    fn the_first_of_ours_that_the_peer_reads_is_agreed() {
        use Algorithm::{Brotli, M2m, None as Plain, Other, TokenNative};
        use Encoding::{Cl100kBase, Heuristic, LlamaBpe, O200kBase};
        for (ours, theirs, agreed) in [
            ((&[M2m, Brotli][..], &[][..]), (&[Brotli, M2m][..], &[][..]), Some((M2m, Cl100kBase))),
            ((&[M2m, Brotli], &[]), (&[Brotli, Plain], &[]), Some((Brotli, Cl100kBase))),
            ((&[M2m], &[]), (&[Brotli], &[]), None),
            ((&[Other], &[]), (&[Other], &[]), None),
            (
                (&[TokenNative, M2m], &[O200kBase]),
                (&[TokenNative, M2m], &[O200kBase]),
                Some((TokenNative, O200kBase)),
            ),
            (
                (&[TokenNative, M2m], &[LlamaBpe]),
                (&[TokenNative, M2m], &[O200kBase]),
                Some((M2m, Cl100kBase)),
            ),
            (
                (&[TokenNative, Plain], &[Heuristic]),
                (&[TokenNative, Plain], &[Heuristic]),
                Some((Plain, Cl100kBase)),
            ),
        ] {
            let found = agent(ours.0, ours.1).agree(&agent(theirs.0, theirs.1));
            assert_eq!(found.map(|a| (a.algorithm, a.encoding)), agreed, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn another_major_version_cannot_be_talked_to() {
        let ours = agent(&[], &[]);
        for (version, compatible) in [
            ("3.0", true),
            ("3.9.1", true),
            ("3", true),
            ("4.0", false),
            ("", false),
            ("30.0", false),
        ] {
            let peer = Capabilities { version: version.to_owned(), ..ours.clone() };
            assert_eq!(ours.is_compatible(&peer), compatible, "{version:?}");
        }
    }
}
