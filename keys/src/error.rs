//! Why there is no key.

use std::path::PathBuf;
use std::process::ExitStatus;

use m2m_engine::error::{Classify, Transience};
use m2m_engine::secure::KeyError;

/// Why a key was not loaded. It names where the key was looked for, never what was there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file or the program cannot be read.
    #[error("no key can be read from {source_of_key}")]
    Read {
        /// Where it was looked for.
        source_of_key: String,
        /// What went wrong.
        #[source]
        error: std::io::Error,
    },
    /// Others than its owner may read, write or run the file.
    #[error("{} holds a key and has mode {mode:04o}: chmod 600 it, so that only its owner may read it", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its mode, the lower nine bits.
        mode: u32,
    },
    /// The environment variable is not set, or not text.
    #[error("the environment variable {name} holds no key: it is not set, or not text")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// A command without a program.
    #[error("the command that is to give a key names no program")]
    NoProgram,
    /// The program failed.
    #[error("{program} gave no key: {status}")]
    Status {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// What is there is no key.
    #[error("{source_of_key} holds no key")]
    Key {
        /// Where it was looked for.
        source_of_key: String,
        /// What is wrong with it.
        #[source]
        error: KeyError,
    },
}

impl Classify for LoadError {
    fn transience(&self) -> Transience {
        match self {
            // A secret store may be away, a file not be there yet.
            Self::Read { .. } | Self::Status { .. } => Transience::Transient,
            Self::Permissions { .. }
            | Self::NoVariable { .. }
            | Self::NoProgram
            | Self::Key { .. } => Transience::Permanent,
        }
    }
}
