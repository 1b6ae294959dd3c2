//! `${NAME}` and `${file:PATH}` in the strings of a parsed file.

use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::{ConfigError, Origin};

/// Looks an environment variable up; `None` when it is not set.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Expands strings in place.
pub(super) struct Expander<'a> {
    pub(super) origin: &'a Origin,
    pub(super) variables: Variables<'a>,
    /// Relative paths start here.
    pub(super) folder: PathBuf,
    /// Where the strings stand that were expanded: their values must not show in messages.
    pub(super) expanded: Vec<Range<usize>>,
}

impl Expander<'_> {
    /// Expands every string within `value`, which stands under `key`.
    pub(super) fn value(
        &mut self,
        key: &str,
        value: &mut Spanned<DeValue<'_>>,
    ) -> Result<(), ConfigError> {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) if text.contains("${") => {
                *text = Cow::Owned(self.text(key, text, &span)?);
                self.expanded.push(span);
            }
            DeValue::Array(items) => {
                for item in items.iter_mut() {
                    self.value(key, item)?;
                }
            }
            DeValue::Table(table) => {
                for (name, item) in table.iter_mut() {
                    let dot = if key.is_empty() { "" } else { "." };
                    self.value(&format!("{key}{dot}{}", name.get_ref()), item)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&self, key: &str, text: &str, span: &Range<usize>) -> Result<String, ConfigError> {
        let place = || self.origin.place(span.start);
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                expanded.push_str(before);
                expanded.push_str("${");
                rest = after;
                continue;
            }
            expanded.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                let message =
                    "`${` without `}`; write `$${` for the characters themselves".to_owned();
                return Err(ConfigError::Value { place: place(), key: key.to_owned(), message });
            };
            rest = after;
            if let Some(path) = name.strip_prefix("file:") {
                let path = self.folder.join(path);
                let content = std::fs::read_to_string(&path).map_err(|source| {
                    ConfigError::SecretFile { place: place(), key: key.to_owned(), path, source }
                })?;
                expanded.push_str(
                    content.strip_suffix('\n').unwrap_or(&content).trim_end_matches('\r'),
                );
            } else {
                let value = (self.variables)(name).ok_or_else(|| ConfigError::MissingVariable {
                    place: place(),
                    key: key.to_owned(),
                    name: name.to_owned(),
                })?;
                expanded.push_str(&value);
            }
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}
