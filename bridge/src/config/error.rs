//! Why a configuration was refused: where, what, and what was probably meant.

use std::fmt;
use std::path::PathBuf;

/// A line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Something that reads well and cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is written.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Why a configuration was refused. Values are never quoted: any of them may be a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, or a value of the wrong form.
    #[error("{place}: {message}{}", in_key(.key))]
    Value {
        /// Where.
        place: Place,
        /// The dotted key, where one is known.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A key or a word that is not known.
    #[error("{place}: unknown {what} `{name}`{}{}", did_you_mean(.nearest.as_deref()), one_of(.expected))]
    Unknown {
        /// Where.
        place: Place,
        /// `key` or `word`.
        what: &'static str,
        /// As it was written.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// Everything that would be known there.
        expected: Vec<String>,
    },
    /// `${NAME}` names a variable that is not set.
    #[error("{place}: environment variable `{name}` is not set{}", in_key(.key))]
    MissingVariable {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
        /// The variable.
        name: String,
    },
    /// `${file:PATH}` names a file that cannot be read.
    #[error("{place}: cannot read {}{}", path.display(), in_key(.key))]
    SecretFile {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It reads well and cannot work.
    #[error("{}", lines(.problems))]
    Invalid {
        /// All that is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

fn in_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(" (in `{key}`)") }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

fn one_of(expected: &[String]) -> String {
    if expected.is_empty() {
        String::new()
    } else {
        format!(" (known here: {})", expected.join(", "))
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// The candidate most like `name`, if any is like it at all.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Below this, a suggestion would puzzle more than help.
    const ALIKE: f64 = 0.5;
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
