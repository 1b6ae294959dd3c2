//! Rules as they are written.

use std::collections::HashSet;

use serde::Deserialize;
use toml::Spanned;

use super::compile::syntax_of;
use super::{RuleError, RuleProblem, vocabulary};
use crate::scan::{Category, Speaker, normalise};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Definition>>,
}

/// One rule as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) id: String,
    pub(super) category: Category,
    pub(super) severity: f32,
    #[expect(dead_code, reason = "for the reader of the file; every rule must have one")]
    description: String,
    #[serde(default)]
    pub(super) literals: Vec<String>,
    #[serde(default)]
    pub(super) words: Vec<String>,
    #[serde(default)]
    pub(super) within_words: Vec<String>,
    #[serde(default)]
    pub(super) regex: Option<String>,
    #[serde(default)]
    pub(super) near: Vec<String>,
    #[serde(default = "reach")]
    pub(super) before: usize,
    #[serde(default = "reach")]
    pub(super) after: usize,
    #[serde(default = "all_but_operator")]
    pub(super) speakers: Vec<Speaker>,
    #[serde(default)]
    pub(super) raw: bool,
    /// Must match.
    #[serde(default)]
    pub(super) matches: Vec<String>,
    /// Must not match.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test of all examples"))]
    pub(super) passes: Vec<String>,
    /// Where it was written, for errors.
    #[serde(skip)]
    pub(super) place: Place,
}

/// Where a rule was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Which of the user's texts; `None` for the built-in rules.
    text: Option<usize>,
    line: usize,
}

impl Place {
    /// Whether the user wrote it.
    pub(super) fn is_own(self) -> bool {
        self.text.is_some()
    }
}

/// Bytes of normalised text on each side of a literal in which the rest of its rule must match, if it says no less.
pub(super) const REACH: usize = 200;

fn reach() -> usize {
    REACH
}

fn all_but_operator() -> Vec<Speaker> {
    vec![Speaker::User, Speaker::Assistant, Speaker::Tool, Speaker::Unknown]
}

impl Definition {
    pub(super) fn refused(&self, source: RuleProblem) -> RuleError {
        let Place { text, line } = self.place;
        RuleError::Rule { text: text.unwrap_or_default(), line, id: self.id.clone(), source }
    }

    /// The words that it is about.
    pub(super) fn words(&self) -> impl Iterator<Item = Vec<u8>> {
        let texts = self.literals.iter().chain(&self.words).chain(&self.within_words);
        let texts = texts.chain(&self.near).chain(&self.matches).filter(|_| !self.raw);
        let texts = texts.flat_map(|text| {
            let (folded, _) = normalise::fold(text);
            folded.split(|byte| !byte.is_ascii_lowercase()).map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        let pattern = self.regex.as_deref().filter(|_| !self.raw).map(normalise::fold_pattern);
        texts.chain(
            pattern
                .into_iter()
                .flat_map(|pattern| vocabulary::words(&pattern, &syntax_of(&pattern))),
        )
    }

    fn check(&self) -> Result<(), RuleProblem> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.bytes().all(allowed) {
            return Err(RuleProblem::Id);
        }
        if !(0.0..=1.0).contains(&self.severity) {
            return Err(RuleProblem::Severity(self.severity));
        }
        if [&self.literals, &self.words, &self.within_words].iter().all(|all| all.is_empty()) {
            return Err(RuleProblem::NoLiteral);
        }
        if let Some(bytes) = [self.before, self.after].into_iter().find(|bytes| *bytes > REACH) {
            return Err(RuleProblem::Reach { bytes, most: REACH });
        }
        Ok(())
    }
}

/// The rules of `rules`, the `text`-th of the user's texts.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub(super) fn read(rules: &str, text: Option<usize>) -> Result<Vec<Definition>, RuleError> {
    let line_at = |at: usize| rules.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let file: File = toml::from_str(rules).map_err(|source| {
        let at = source.span().unwrap_or_default().start;
        RuleError::Syntax {
            text: text.unwrap_or_default(),
            line: line_at(at),
            id: id_at(rules, at),
            source: Box::new(source),
        }
    })?;
    let mut ids = HashSet::new();
    let mut definitions = Vec::with_capacity(file.rule.len());
    for rule in file.rule {
        let place = Place { text, line: line_at(rule.span().start) };
        let definition = Definition { place, ..rule.into_inner() };
        definition.check().map_err(|problem| definition.refused(problem))?;
        if !ids.insert(definition.id.clone()) {
            return Err(definition.refused(RuleProblem::Twice));
        }
        definitions.push(definition);
    }
    Ok(definitions)
}

/// The id of the rule at `at`, in a text that cannot be read as a whole.
fn id_at(rules: &str, at: usize) -> Option<String> {
    const HEAD: &str = "[[rule]]";
    // What is wrong with a rule as a whole is told of its head.
    let end = if rules.get(at..)?.starts_with(HEAD) { at + HEAD.len() } else { at };
    let body = rules.get(rules.get(..end)?.rfind(HEAD)? + HEAD.len()..)?;
    let body = body.find(HEAD).map_or(Some(body), |next| body.get(..next))?;
    let id =
        body.lines().find_map(|line| line.trim().strip_prefix("id")?.trim().strip_prefix('='))?;
    let id = id.trim().trim_matches(['"', '\'']);
    (!id.is_empty() && id.len() <= 64).then(|| id.to_owned())
}

/// Adds `more`; a rule takes the place of an earlier one of the same id.
pub(super) fn merge(definitions: &mut Vec<Definition>, more: Vec<Definition>) {
    for definition in more {
        match definitions.iter_mut().find(|earlier| earlier.id == definition.id) {
            Some(earlier) => *earlier = definition,
            None => definitions.push(definition),
        }
    }
}
