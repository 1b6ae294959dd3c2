//! Rules made ready to match.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::Input;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;

use super::at_words::{self, AtWords};
use super::format::Definition;
use super::literals::{FEW, Literals};
use super::{RuleError, RuleProblem};
use crate::scan::normalise;
use crate::scan::{Category, Speaker};

/// Bytes of the shortest literal in ASCII: shorter ones stand everywhere.
pub(super) const MIN_LITERAL: usize = 3;

/// Bytes that a compiled regex may take.
const MAX_REGEX: usize = 1 << 20;

/// A literal made ready to be searched for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Literal {
    bytes: Vec<u8>,
    edges: Edges,
}

/// Where a literal counts, as far as it begins or ends with a letter or a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edges {
    /// Only where a word begins.
    pub(super) begins: bool,
    /// Only where a word ends.
    pub(super) ends: bool,
}

impl Edges {
    /// Whether a literal counts that stands at `at`.
    pub(super) fn count(self, text: &[u8], at: &Range<usize>) -> bool {
        let is_in_word = |at: usize| text.get(at).is_some_and(|byte| at_words::in_word(*byte));
        let begun_before = self.begins && at.start.checked_sub(1).is_some_and(is_in_word);
        let goes_on = self.ends && is_in_word(at.end);
        !begun_before && !goes_on
    }
}

/// A rule made ready to match.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) category: Category,
    pub(super) severity: f32,
    near: Option<Near>,
    regex: Option<Pattern>,
    literals: Vec<Literal>,
    /// Bytes before a literal, and behind it, in which the rest must match.
    before: usize,
    after: usize,
    speakers: Vec<Speaker>,
    raw: bool,
}

impl Rule {
    pub(super) fn new(definition: Definition) -> Result<Self, RuleError> {
        let normal = |literal: &String| {
            if definition.raw { literal.clone().into_bytes() } else { normalise::fold(literal).0 }
        };
        let literals = definition.literals.iter().map(|literal| (literal, true, false));
        let words = definition.words.iter().map(|literal| (literal, true, true));
        let within = definition.within_words.iter().map(|literal| (literal, false, false));
        let mut all = Vec::new();
        for (literal, begins, ends) in literals.chain(words).chain(within) {
            let bytes = normal(literal);
            if bytes.len() < MIN_LITERAL && bytes.is_ascii() {
                let literal = literal.clone();
                return Err(
                    definition.refused(RuleProblem::ShortLiteral { literal, min: MIN_LITERAL })
                );
            }
            let in_word = |byte: Option<&u8>| byte.is_some_and(|byte| at_words::in_word(*byte));
            let (begins, ends) = (begins && in_word(bytes.first()), ends && in_word(bytes.last()));
            all.push(Literal { bytes, edges: Edges { begins, ends } });
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
            literals: all,
            id: definition.id,
            category: definition.category,
            severity: definition.severity,
            before: definition.before,
            after: definition.after,
            speakers: definition.speakers,
            raw: definition.raw,
        })
    }

    pub(super) fn judges(&self, speaker: Speaker) -> bool {
        self.speakers.contains(&speaker)
    }
}

impl Rule {
    /// Whether it is for text as it is.
    pub(super) fn is_raw(&self) -> bool {
        self.raw
    }

    /// Whether its literals alone make it match.
    pub(super) fn is_plain(&self) -> bool {
        self.regex.is_none() && self.near.is_none()
    }

    /// Around a literal that stands at `at`: where the rest must match.
    pub(super) fn window(&self, at: &Range<usize>) -> Range<usize> {
        at.start.saturating_sub(self.before)..at.end.saturating_add(self.after)
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
    /// Made when it is first needed.
    ready: OnceLock<Literals>,
}

impl Near {
    fn stands_in(&self, window: &[u8]) -> bool {
        let literals =
            || Literals::new(&self.literals.iter().map(Vec::as_slice).collect::<Vec<_>>());
        self.ready.get_or_init(literals).stand_in(window)
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
    /// Of the rules on normalised text; where there are any, with what shows there that a rule on text as it is may match.
    pub(super) folded: Index,
    /// Of the rules on text as it is.
    pub(super) raw: Index,
    /// Whether what is in `raw` and ASCII shows in folded text; a line's end alone does not.
    pub(super) raw_shows: bool,
}

impl Indexes {
    pub(super) fn new(rules: &[Rule], operator: bool) -> Self {
        let all = rules.iter().enumerate().filter(|(_, rule)| {
            !operator && rule.speakers.iter().any(|one| *one != Speaker::Operator)
                || operator && rule.judges(Speaker::Operator)
        });
        let all = all.flat_map(|(index, rule)| {
            rule.literals.iter().map(move |literal| (rule.raw, literal.clone(), index))
        });
        let (raw, folded): (Vec<_>, Vec<_>) = all.partition(|(is_raw, ..)| *is_raw);
        let literals = |literals: Vec<(bool, Literal, usize)>| {
            literals.into_iter().map(|(_, literal, rule)| (literal, rule)).collect::<Vec<_>>()
        };
        let (raw, mut folded) = (literals(raw), literals(folded));
        let mut raw_shows = true;
        if !folded.is_empty() {
            for (literal, rule) in raw.iter().filter(|(literal, _)| literal.bytes.is_ascii()) {
                let text = str::from_utf8(&literal.bytes).unwrap_or_default();
                let bytes = normalise::fold(text).0;
                if bytes.len() < MIN_LITERAL {
                    raw_shows = false;
                    continue;
                }
                folded.push((Literal { bytes, ..*literal }, *rule));
            }
        }
        Self { folded: Index::new(folded), raw: Index::new(raw), raw_shows }
    }
}

/// Finds literals, and knows whose they are.
#[derive(Debug)]
pub(super) struct Index {
    /// Those that are found by the beginnings of words.
    words: Part,
    /// The others in ASCII.
    others: Part,
    /// Those that only texts beyond ASCII can hold.
    wide: Part,
}

/// Literals searched for together.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) literals: Literals,
    /// Of each literal.
    pub(super) triggers: Vec<Trigger>,
}

/// What a literal's being there means.
#[derive(Debug)]
pub(super) struct Trigger {
    pub(super) edges: Edges,
    /// The rules that have it.
    pub(super) rules: Vec<usize>,
}

impl Index {
    /// Of literals and their rules.
    fn new(literals: Vec<(Literal, usize)>) -> Self {
        let mut of: BTreeMap<Literal, Vec<usize>> = BTreeMap::new();
        for (literal, rule) in literals {
            of.entry(literal).or_default().push(rule);
        }
        // It takes a pass of its own, which few literals are not worth.
        let many = of.len() > FEW;
        let (mut words, mut others, mut wide) = (Vec::new(), Vec::new(), Vec::new());
        for (literal, rules) in of {
            let anchor = || at_words::anchor(&literal.bytes, literal.edges.begins);
            match many.then(anchor).flatten() {
                _ if !literal.bytes.is_ascii() => wide.push((literal, rules)),
                Some(anchor) => words.push((literal, anchor, rules)),
                None => others.push((literal, rules)),
            }
        }
        let anchored = words.iter().map(|(literal, anchor, _)| (literal.bytes.as_slice(), *anchor));
        let finder = Literals::AtWords(AtWords::new(anchored));
        let words = words.into_iter().map(|(literal, _, rules)| (literal, rules)).collect();
        let part = |all: Vec<(Literal, Vec<usize>)>, finder: fn(&[&[u8]]) -> Literals| {
            let literals: Vec<&[u8]> =
                all.iter().map(|(literal, _)| literal.bytes.as_slice()).collect();
            Part::new(finder(&literals), all)
        };
        Self {
            words: Part::new(finder, words),
            others: part(others, Literals::new),
            wide: part(wide, Literals::wide),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts(true).next().is_none()
    }

    /// What a text can hold that has, or has not, characters beyond ASCII.
    pub(super) fn parts(&self, is_wide: bool) -> impl Iterator<Item = &Part> {
        let ascii = [&self.words, &self.others].into_iter().filter(|part| !part.is_empty());
        ascii.chain(self.wide().filter(move |_| is_wide))
    }

    /// What only a text beyond ASCII can hold.
    pub(super) fn wide(&self) -> impl Iterator<Item = &Part> {
        Some(&self.wide).into_iter().filter(|part| !part.is_empty())
    }
}

impl Part {
    fn new(literals: Literals, all: Vec<(Literal, Vec<usize>)>) -> Self {
        let trigger = |(literal, rules): (Literal, _)| Trigger { edges: literal.edges, rules };
        Self { literals, triggers: all.into_iter().map(trigger).collect() }
    }

    fn is_empty(&self) -> bool {
        self.triggers.is_empty()
    }
}
