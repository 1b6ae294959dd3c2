//! Rules made ready to match.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, BuildError};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::format::Definition;
use super::{RuleError, RuleProblem};
use crate::scan::normalise;
use crate::scan::{Category, Speaker};

/// Bytes of the shortest literal in ASCII: shorter ones stand everywhere.
pub(super) const MIN_LITERAL: usize = 3;

/// Bytes that a compiled regex may take.
const MAX_REGEX: usize = 1 << 20;

/// A rule made ready to match.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) category: Category,
    pub(super) severity: f32,
    pub(super) near: Option<AhoCorasick>,
    pub(super) regex: Option<Regex>,
    literals: Vec<Vec<u8>>,
    speakers: Vec<Speaker>,
    raw: bool,
}

impl Rule {
    pub(super) fn new(definition: Definition) -> Result<Self, RuleError> {
        let normal = |literal: &String| {
            if definition.raw { literal.clone().into_bytes() } else { normalise::fold(literal).0 }
        };
        let literals: Vec<Vec<u8>> = definition.literals.iter().map(normal).collect();
        if let Some((short, _)) = definition
            .literals
            .iter()
            .zip(&literals)
            .find(|(_, literal)| literal.len() < MIN_LITERAL && literal.is_ascii())
        {
            let literal = short.clone();
            return Err(definition.refused(RuleProblem::ShortLiteral { literal, min: MIN_LITERAL }));
        }
        let regex = definition.regex.as_deref().map(|pattern| {
            if definition.raw { regex(pattern) } else { regex(&normalise::fold_pattern(pattern)) }
        });
        let regex =
            regex.transpose().map_err(|error| definition.refused(RuleProblem::Regex(error)))?;
        let near: Vec<Vec<u8>> = definition.near.iter().map(normal).collect();
        let near = (!near.is_empty())
            .then(|| AhoCorasick::new(near))
            .transpose()
            .map_err(Box::new)
            .map_err(RuleError::TooMany)?;
        Ok(Self {
            near,
            regex,
            literals,
            id: definition.id,
            category: definition.category,
            severity: definition.severity,
            speakers: definition.speakers,
            raw: definition.raw,
        })
    }

    pub(super) fn judges(&self, speaker: Speaker) -> bool {
        self.speakers.contains(&speaker)
    }
}

/// Folded text is mostly ASCII, where classes such as `\w` and `.` need no Unicode tables, which are many times as large; a pattern that
/// names characters beyond ASCII gets them.
fn regex(pattern: &str) -> Result<Regex, Box<regex_automata::meta::BuildError>> {
    let unicode = !pattern.is_ascii() || pattern.contains(r"\p{") || pattern.contains(r"\x{");
    let config = Regex::config().nfa_size_limit(Some(MAX_REGEX));
    let syntax = syntax::Config::new().unicode(unicode).utf8(false);
    Regex::builder().configure(config).syntax(syntax).build(pattern).map_err(Box::new)
}

/// All literals that matter to a kind of speaker.
#[derive(Debug)]
pub(super) struct Indexes {
    /// Of the rules on normalised text.
    pub(super) folded: Index,
    /// Of the rules on text as it is.
    pub(super) raw: Index,
}

impl Indexes {
    pub(super) fn new(rules: &[Rule], operator: bool) -> Result<Self, BuildError> {
        let index = |raw: bool| {
            let chosen = rules.iter().enumerate().filter(|(_, rule)| {
                rule.raw == raw
                    && (!operator && rule.speakers.iter().any(|one| *one != Speaker::Operator)
                        || operator && rule.judges(Speaker::Operator))
            });
            Index::new(chosen)
        };
        Ok(Self { folded: index(false)?, raw: index(true)? })
    }
}

/// Finds literals, and knows whose they are.
#[derive(Debug)]
pub(super) struct Index {
    /// `None` when there is no literal.
    pub(super) finder: Option<AhoCorasick>,
    /// For each literal, the rules that have it.
    pub(super) rules: Vec<Vec<usize>>,
}

impl Index {
    fn new<'a>(rules: impl Iterator<Item = (usize, &'a Rule)>) -> Result<Self, BuildError> {
        let mut of: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (index, rule) in rules {
            for literal in &rule.literals {
                of.entry(literal).or_default().push(index);
            }
        }
        let finder = (!of.is_empty()).then(|| AhoCorasick::new(of.keys())).transpose()?;
        Ok(Self { finder, rules: of.into_values().collect() })
    }
}
