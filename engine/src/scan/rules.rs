//! The rules, and how they are matched: part of step 1.
//!
//! Rules are data: `rules/injection.toml` shows the form. The literals of all rules are found together in the normalised text; a rule's
//! regex runs only in the windows around its own literals.

mod at_words;
mod compile;
mod find;
mod fingerprints;
mod format;
mod literals;
mod search;
mod vocabulary;

#[cfg(test)]
mod tests;

use compile::{Indexes, Rule};

use super::normalise::Words;
use super::{Finding, Passage, Scan};

/// The built-in rules.
const BUILT_IN: [&str; 6] = [
    include_str!("rules/injection.toml"),
    include_str!("rules/indirect.toml"),
    include_str!("rules/jailbreak.toml"),
    include_str!("rules/languages.toml"),
    include_str!("rules/exfiltration.toml"),
    include_str!("rules/malformed.toml"),
];

/// Rules, made ready to match. It is a [`Scan`].
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// For what the operator says, which few rules judge.
    operator: Indexes,
    others: Indexes,
    words: Words,
}

/// Why rules were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A text is not TOML, or not of the form that `rules/injection.toml` shows.
    #[error("rules cannot be read: text {text}, line {line}{}", of_rule(id.as_deref()))]
    Syntax {
        /// Which of the texts, from 0.
        text: usize,
        /// The line, from 1.
        line: usize,
        /// The rule, where it says its id.
        id: Option<String>,
        /// What is wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A rule cannot be used.
    #[error("rule {id:?} (text {text}, line {line}) cannot be used")]
    Rule {
        /// Which of the texts, from 0.
        text: usize,
        /// The line of the rule, from 1.
        line: usize,
        /// The rule.
        id: String,
        /// What is wrong.
        #[source]
        source: RuleProblem,
    },
}

fn of_rule(id: Option<&str>) -> String {
    id.map(|id| format!(", rule {id:?}")).unwrap_or_default()
}

/// What is wrong with a rule.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleProblem {
    /// The id is not 1 to 64 of `[a-z0-9-]`; it travels in a header.
    #[error("its id must be 1 to 64 of a-z, 0-9 and -")]
    Id,
    /// Another rule of the same text has this id.
    #[error("its id stands twice")]
    Twice,
    /// The severity is not from 0 to 1.
    #[error("severity is {0}; it must be from 0 to 1")]
    Severity(f32),
    /// There is no literal.
    #[error("it needs at least one literal")]
    NoLiteral,
    /// A literal is too short to search for.
    #[error("literal {literal:?} is shorter than {min} bytes once normalised")]
    ShortLiteral {
        /// The literal.
        literal: String,
        /// The least length.
        min: usize,
    },
    /// `before` or `after` is more than can be.
    #[error("before and after are {most} at most, not {bytes}")]
    Reach {
        /// What it says, in bytes.
        bytes: usize,
        /// The most that it can be.
        most: usize,
    },
    /// The regex cannot be read, or is too large.
    #[error("its regex cannot be used")]
    Regex(#[source] Box<regex_automata::meta::BuildError>),
}

impl RuleSet {
    /// The built-in rules.
    ///
    /// # Errors
    /// Never for the rules as they are shipped.
    pub fn built_in() -> Result<Self, RuleError> {
        Self::with(&[])
    }

    /// The built-in rules and those of `texts` (TOML, as `rules/injection.toml` shows); a rule replaces an earlier one of the same id.
    ///
    /// # Errors
    /// The first rule that cannot be used, with its line.
    pub fn with(texts: &[&str]) -> Result<Self, RuleError> {
        let mut definitions = Vec::new();
        for rules in BUILT_IN {
            definitions.extend(format::read(rules, None)?);
        }
        for (text, rules) in texts.iter().enumerate() {
            format::merge(&mut definitions, format::read(rules, Some(text))?);
        }
        let words = Words::new(definitions.iter().flat_map(format::Definition::words));
        let rules: Vec<Rule> = definitions.into_iter().map(Rule::new).collect::<Result<_, _>>()?;
        Ok(Self {
            operator: Indexes::new(&rules, true),
            others: Indexes::new(&rules, false),
            rules,
            words,
        })
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Scan for RuleSet {
    fn scan(&self, passage: &Passage<'_>, findings: &mut Vec<Finding>) {
        let mut found = Vec::new();
        self.scan_all(std::slice::from_ref(passage), &mut found);
        findings.extend(found.into_iter().map(|(_, finding)| finding));
    }

    fn scan_all(&self, passages: &[Passage<'_>], findings: &mut Vec<(usize, Finding)>) {
        find::judge(self, passages, findings);
    }
}
