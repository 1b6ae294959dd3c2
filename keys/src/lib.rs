//! Where keys come from: a file, an environment variable or a command. The engine itself reads nothing.
//!
//! ```
//! use m2m_keys::KeySource;
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     key: KeySource,
//! }
//!
//! for toml in [
//!     r#"key = { file = "/run/secrets/m2m.key" }"#,
//!     r#"key = { env = "M2M_KEY" }"#,
//!     r#"key = { command = ["vault", "kv", "get", "-field=key", "secret/m2m"] }"#,
//! ] {
//!     let settings: Settings = toml::from_str(toml)?;
//!     println!("the key comes from {}", settings.key); // then: settings.key.load()?
//! }
//! # Ok::<(), toml::de::Error>(())
//! ```

mod error;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use m2m_engine::secure::KeyMaterial;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use error::LoadError;
pub use write::write_new;

/// What is read of a key at most, in bytes: 64 hexadecimal digits and white space around them.
const LONGEST: usize = 1024;

/// Where a key is kept, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeySource {
    /// A file that nobody but its owner may read.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A program and its arguments, which writes the key to its standard output. No shell is involved. It is waited for, however long it takes.
    Command(Vec<String>),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Env(name) => write!(f, "the environment variable {name}"),
            // Its arguments may be secrets themselves.
            Self::Command(argv) => {
                write!(f, "the command {}", argv.first().map_or("", String::as_str))
            }
        }
    }
}

impl KeySource {
    /// The key.
    ///
    /// # Errors
    /// When there is none, when others than its owner may read the file, or when it is not 64 hexadecimal digits.
    pub fn load(&self) -> Result<KeyMaterial, LoadError> {
        let text = match self {
            Self::File(path) => read_file(path)?,
            Self::Env(name) => Zeroizing::new(
                std::env::var(name).map_err(|_| LoadError::NoVariable { name: name.clone() })?,
            ),
            Self::Command(argv) => self.run(argv)?,
        };
        KeyMaterial::from_hex(&text)
            .map_err(|error| LoadError::Key { source_of_key: self.to_string(), error })
    }

    fn run(&self, argv: &[String]) -> Result<Zeroizing<String>, LoadError> {
        let failed = |error| LoadError::Read { source_of_key: self.to_string(), error };
        let (program, arguments) = argv.split_first().ok_or(LoadError::NoProgram)?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let text = text_of(&mut child);
        let status = child.wait().map_err(failed)?;
        if !status.success() {
            return Err(LoadError::Status { program: program.clone(), status });
        }
        text.map_err(failed)
    }
}

fn text_of(child: &mut Child) -> io::Result<Zeroizing<String>> {
    // Dropped at the end, so that a program that goes on writing is told that nobody reads.
    child.stdout.take().map_or_else(|| Ok(Zeroizing::default()), read)
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, LoadError> {
    let failed = |error| LoadError::Read {
        source_of_key: KeySource::File(path.to_owned()).to_string(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    check(path, &file)?;
    read(file).map_err(failed)
}

/// Judges the file that was opened, not whatever its name stands for by now.
#[cfg(unix)]
fn check(path: &Path, file: &File) -> Result<(), LoadError> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = file.metadata().map(|metadata| metadata.permissions().mode() & 0o777);
    let mode = mode.map_err(|error| LoadError::Read {
        source_of_key: KeySource::File(path.to_owned()).to_string(),
        error,
    })?;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(LoadError::Permissions { path: path.to_owned(), mode })
    }
}

/// Elsewhere a file's mode says nothing of who may read it.
#[cfg(not(unix))]
fn check(_: &Path, _: &File) -> Result<(), LoadError> {
    Ok(())
}

fn read(from: impl Read) -> io::Result<Zeroizing<String>> {
    // Of its full size from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST + 1));
    let limit = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
    from.take(limit).read_to_string(&mut text)?;
    Ok(text)
}
