//! What several commands take.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use m2m_engine::scan::{Danger, ScanConfig};
use m2m_engine::secure::{Key, Keyring, Mode, SecurityConfig};
use m2m_engine::{Config, Limits};
use m2m_keys::KeySource;

/// The longest frame that the engine can be told to take: the input is the user's own file, and is read whole anyway.
const MAX_FRAME: u32 = u32::MAX >> 1;

/// An algorithm, or the engine's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// What the engine picks on a bus; decompressing, what the input begins with
    Auto,
    /// M2M v1: a header that can be read without decompressing, the payload in Brotli
    #[value(alias = "m")]
    M2m,
    /// The token ids of the text
    #[value(alias = "tn")]
    TokenNative,
    /// Brotli in base64
    #[value(alias = "br")]
    Brotli,
    /// As it is
    #[value(alias = "n")]
    None,
}

impl Algorithm {
    /// `None` for [`Algorithm::Auto`].
    pub(crate) fn forced(self) -> Option<m2m_engine::Algorithm> {
        match self {
            Self::Auto => None,
            Self::M2m => Some(m2m_engine::Algorithm::M2m),
            Self::TokenNative => Some(m2m_engine::Algorithm::TokenNative),
            Self::Brotli => Some(m2m_engine::Algorithm::Brotli),
            Self::None => Some(m2m_engine::Algorithm::Stored),
        }
    }
}

/// How hard Brotli tries.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Level {
    /// Quality 2
    Fast,
    /// Quality 5
    Balanced,
    /// Quality 9
    Small,
}

impl From<Level> for m2m_engine::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Fast => Self::Fast,
            Level::Balanced => Self::Balanced,
            Level::Small => Self::Small,
        }
    }
}

/// A tokenizer of the token-native form.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Tokenizer {
    /// Of GPT-3.5 and GPT-4
    #[value(aliases = ["c", "cl100k_base"])]
    Cl100k,
    /// Of GPT-4o and the o series
    #[value(aliases = ["o", "o200k_base"])]
    O200k,
    /// Of Llama 3, with --llama3
    #[value(alias = "l")]
    Llama3,
}

impl From<Tokenizer> for m2m_engine::Tokenizer {
    fn from(tokenizer: Tokenizer) -> Self {
        match tokenizer {
            Tokenizer::Cl100k => Self::Cl100k,
            Tokenizer::O200k => Self::O200k,
            Tokenizer::Llama3 => Self::Llama3,
        }
    }
}

/// How a message is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Security {
    /// Signed with HMAC-SHA256; anyone can read it
    Hmac,
    /// Encrypted with ChaCha20-Poly1305; anyone can read the header
    Aead,
}

impl From<Security> for Mode {
    fn from(security: Security) -> Self {
        match security {
            Security::Hmac => Self::Hmac,
            Security::Aead => Self::Aead,
        }
    }
}

/// The key of a message, and how it is used.
#[derive(Debug, Args)]
pub(crate) struct Secured {
    /// The message's key: a file that only its owner may read, with 64 hexadecimal digits. The message is then secured, or has to be
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// How the message is secured; aead unless told otherwise. Decompressing, the least it has to be secured with: hmac unless told
    #[arg(long, value_enum, requires = "key_file")]
    pub(crate) security: Option<Security>,
}

impl Secured {
    pub(crate) fn is_given(&self) -> bool {
        self.key_file.is_some()
    }

    /// What the engine is told of the key, to use it in this mode; `None` when none is given.
    pub(crate) fn config(&self, mode: Mode) -> anyhow::Result<Option<SecurityConfig>> {
        let Some(path) = &self.key_file else {
            return Ok(None);
        };
        let key = KeySource::File(path.clone()).load()?;
        // The id would travel in a header, and a file has none.
        Ok(Some(SecurityConfig::new(Keyring::new(Key::new("cli", mode, key)?))))
    }
}

/// What the engine is told.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Llama 3's published tokenizer.model, to read and write its token ids
    #[arg(long, value_name = "FILE")]
    pub(crate) llama3: Option<PathBuf>,
    /// The longest payload, in bytes, before compression and after decompression
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(64..=i64::from(MAX_FRAME)))]
    pub(crate) limit: u32,
}

impl Settings {
    /// Everything else by default.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let read = |path: &PathBuf| {
            let file = std::fs::read(path);
            file.map(Arc::from).with_context(|| format!("cannot read {}", path.display()))
        };
        let limits = Limits {
            frame: MAX_FRAME.try_into()?,
            inflated: self.limit.try_into()?,
            ..Limits::default()
        };
        Ok(Config {
            llama3: self.llama3.as_ref().map(read).transpose()?,
            limits,
            // The user's own files are not to be refused here: `m2m scan` is for that.
            scan: ScanConfig {
                danger: Danger { off: true, ..Danger::default() },
                ..ScanConfig::default()
            },
            ..Config::default()
        })
    }
}
