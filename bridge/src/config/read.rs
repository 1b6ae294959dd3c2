//! From text to [`Config`]: parse, expand, deserialise; and from serde's messages to ours.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

use super::expand::{Expander, Variables};
use super::{Config, ConfigError, Place, nearest};

/// The file that a configuration was read from: turns offsets into lines.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    file: String,
    /// Offsets of the line feeds.
    feeds: Vec<usize>,
}

impl Origin {
    fn new(file: &str, text: &str) -> Self {
        let feeds = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at);
        Self { file: file.to_owned(), feeds: feeds.collect() }
    }

    /// The line of the byte at `offset`.
    #[must_use]
    pub fn place(&self, offset: usize) -> Place {
        let before = self.feeds.partition_point(|feed| *feed < offset);
        Place { file: self.file.clone(), line: before + 1 }
    }
}

impl Config {
    /// Reads a file; `${NAME}` comes from the process's environment, relative paths start at the file's folder.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML of the known form, or names what is not there.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let variables = |name: &str| std::env::var(name).ok();
        Self::read(&path.display().to_string(), &text, folder, &variables)
    }

    /// Reads a text; `${NAME}` comes from the process's environment, relative paths start at the working directory. `file` names it in messages.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        Self::read(file, text, PathBuf::new(), &|name| std::env::var(name).ok())
    }

    pub(super) fn read(
        file: &str,
        text: &str,
        folder: PathBuf,
        variables: Variables<'_>,
    ) -> Result<Self, ConfigError> {
        let origin = Origin::new(file, text);
        let table = DeTable::parse(text).map_err(|error| explain(&origin, &error, &[]))?;
        let span = table.span();
        let mut value = Spanned::new(span.clone(), DeValue::Table(table.into_inner()));
        let mut expander = Expander { origin: &origin, variables, folder, expanded: Vec::new() };
        expander.value("", &mut value)?;
        let (folder, hidden) = (expander.folder, expander.expanded);
        let DeValue::Table(table) = value.into_inner() else {
            // It was put in as a table above.
            return Err(ConfigError::Invalid { problems: Vec::new() });
        };
        let mut config = Self::deserialize(Deserializer::from(Spanned::new(span, table)))
            .map_err(|error| explain(&origin, &error, &hidden))?;
        config.relative_to(&folder);
        config.origin = origin;
        Ok(config)
    }

    fn relative_to(&mut self, folder: &Path) {
        for bus in self.buses.values_mut().map(Spanned::get_mut) {
            let tls = bus.tls.iter_mut();
            let tls = tls.flat_map(|tls| [&mut tls.ca_file, &mut tls.cert_file, &mut tls.key_file]);
            for path in tls.chain([&mut bus.creds_file]).flatten() {
                *path = folder.join(&*path);
            }
        }
    }
}

/// Serde's error in our words. Its own text may quote a value, and TOML's own display quotes the whole line: neither may reach a log.
fn explain(origin: &Origin, error: &Error, hidden: &[std::ops::Range<usize>]) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let place = origin.place(span.start);
    let message = error.message();
    for (what, prefix) in [("key", "unknown field "), ("word", "unknown variant ")] {
        let Some(rest) = message.strip_prefix(prefix) else { continue };
        let mut quoted = rest.split('`').skip(1).step_by(2).map(str::to_owned);
        let name = quoted.next().unwrap_or_default();
        if hidden.contains(&span) {
            break;
        }
        let expected: Vec<String> = quoted.collect();
        let nearest = nearest(&name, expected.iter().map(String::as_str)).map(str::to_owned);
        return ConfigError::Unknown { place, what, name, nearest, expected };
    }
    let message = if hidden.contains(&span) {
        "what the variable or file gives is not allowed here".to_owned()
    } else {
        without_values(message)
    };
    ConfigError::Value { place, key: String::new(), message }
}

/// Cuts the value out of serde's `invalid type: string "…", expected …`.
fn without_values(message: &str) -> String {
    match (message.split_once(" \""), message.rsplit_once("\", ")) {
        (Some((before, _)), Some((_, after))) => format!("{before}, {after}"),
        _ => message.to_owned(),
    }
}
