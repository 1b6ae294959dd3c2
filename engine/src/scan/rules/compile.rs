//! Rules made ready to match.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::Searcher;
use regex_automata::Input;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;

use super::anchors::{Anchors, FEW};
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
    near: Option<Near>,
    regex: Option<Pattern>,
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
            Pattern::new(if definition.raw {
                pattern.to_owned()
            } else {
                normalise::fold_pattern(pattern)
            })
        });
        // The built-in ones are compiled when they are first needed; that they can be is tested.
        if definition.place.is_own()
            && let Some(Err(error)) = regex.as_ref().map(Pattern::compile)
        {
            return Err(definition.refused(RuleProblem::Regex(error)));
        }
        let near: Vec<Vec<u8>> = definition.near.iter().map(normal).collect();
        let near = (!near.is_empty()).then(|| Near { literals: near, ready: OnceLock::new() });
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

impl Rule {
    /// Whether its literals alone make it match.
    pub(super) fn is_plain(&self) -> bool {
        self.regex.is_none() && self.near.is_none()
    }

    /// Where in a window of `text` it matches, given that one of its literals stands there.
    pub(super) fn matches(&self, text: &[u8], window: Range<usize>) -> Option<Range<usize>> {
        let within = text.get(window.clone())?;
        if self.near.as_ref().is_some_and(|near| !near.stands_in(within)) {
            return None;
        }
        match &self.regex {
            Some(regex) => Some(regex.ready()?.search(&Input::new(text).range(window))?.range()),
            None => Some(window),
        }
    }
}

/// Literals of which one must stand in the window.
#[derive(Debug)]
struct Near {
    literals: Vec<Vec<u8>>,
    ready: OnceLock<Option<Finder>>,
}

/// Vector search where the literals are few enough for it.
#[derive(Debug)]
enum Finder {
    Few(Box<Searcher>),
    Many(AhoCorasick),
}

impl Near {
    fn stands_in(&self, window: &[u8]) -> bool {
        match self.ready.get_or_init(|| self.finder()) {
            Some(Finder::Few(few)) => few.find(window).is_some(),
            Some(Finder::Many(many)) => many.is_match(window),
            None => false,
        }
    }

    fn finder(&self) -> Option<Finder> {
        let few = (self.literals.len() <= FEW).then(|| Searcher::new(&self.literals)).flatten();
        few.map(|few| Finder::Few(Box::new(few)))
            .or_else(|| AhoCorasick::new(&self.literals).ok().map(Finder::Many))
    }
}

/// A regex, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Pattern {
    source: String,
    ready: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(source: String) -> Self {
        Self { source, ready: OnceLock::new() }
    }

    fn compile(&self) -> Result<Regex, Box<BuildError>> {
        let config = Regex::config().nfa_size_limit(Some(MAX_REGEX));
        let syntax = syntax_of(&self.source);
        Regex::builder().configure(config).syntax(syntax).build(&self.source).map_err(Box::new)
    }

    fn ready(&self) -> Option<&Regex> {
        self.ready.get_or_init(|| self.compile().ok()).as_ref()
    }
}

/// Folded text is mostly ASCII, where classes such as `\w` and `.` need no Unicode tables, which are many times as large; a pattern that
/// names characters beyond ASCII gets them.
pub(super) fn syntax_of(pattern: &str) -> syntax::Config {
    let unicode = !pattern.is_ascii() || pattern.contains(r"\p{") || pattern.contains(r"\x{");
    syntax::Config::new().unicode(unicode).utf8(false)
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
    pub(super) fn new(rules: &[Rule], operator: bool) -> Self {
        let index = |raw: bool| {
            let chosen = rules.iter().enumerate().filter(|(_, rule)| {
                rule.raw == raw
                    && (!operator && rule.speakers.iter().any(|one| *one != Speaker::Operator)
                        || operator && rule.judges(Speaker::Operator))
            });
            Index::new(chosen)
        };
        Self { folded: index(false), raw: index(true) }
    }
}

/// Finds literals, and knows whose they are.
#[derive(Debug)]
pub(super) struct Index {
    /// The short ones, which need a search of their own.
    short: Part,
    long: Part,
    /// Those that only texts beyond ASCII can hold.
    wide: Part,
}

/// Bytes of the longest literal that counts as short.
const SHORT: usize = 4;

/// Literals searched for together.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) literals: Anchors,
    /// For each literal, the rules that have it.
    pub(super) rules: Vec<Vec<usize>>,
}

impl Index {
    fn new<'a>(rules: impl Iterator<Item = (usize, &'a Rule)>) -> Self {
        let mut of: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (index, rule) in rules {
            for literal in &rule.literals {
                of.entry(literal).or_default().push(index);
            }
        }
        let (ascii, wide): (Vec<_>, _) =
            of.into_iter().partition(|(literal, _)| literal.is_ascii());
        let are_few = ascii.len() <= FEW;
        let (short, long) =
            ascii.into_iter().partition(|(literal, _)| are_few || literal.len() <= SHORT);
        Self { short: Part::new(short), long: Part::new(long), wide: Part::new(wide) }
    }

    pub(super) fn is_empty(&self) -> bool {
        [&self.short, &self.long, &self.wide].iter().all(|part| part.rules.is_empty())
    }

    /// What `text` can hold.
    pub(super) fn parts(&self, text: &[u8]) -> impl Iterator<Item = &Part> {
        let wide = (!self.wide.rules.is_empty() && !text.is_ascii()).then_some(&self.wide);
        let parts = [&self.long, &self.short].into_iter().chain(wide);
        parts.filter(|part| !part.rules.is_empty())
    }
}

impl Part {
    fn new(rules: Vec<(&[u8], Vec<usize>)>) -> Self {
        let literals = Anchors::new(rules.iter().map(|(literal, _)| *literal));
        Self { literals, rules: rules.into_iter().map(|(_, rules)| rules).collect() }
    }
}
