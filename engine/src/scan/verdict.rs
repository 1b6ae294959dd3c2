//! From findings to a verdict: a score for each passage, and the worst passage decides.

use super::config::{Policies, Policy};
use super::{Category, Finding};
use crate::bus::headers;

/// What becomes of a message, from the mildest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Outcome {
    /// Nobody looked at it.
    #[default]
    Unscreened,
    /// It passes.
    Clean,
    /// It passes, and says so in a transport header.
    Flagged,
    /// It is refused.
    Blocked,
}

/// What the screening says of a message.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// From 0 to 1: the combined severities of the passage that decided.
    pub score: f32,
    /// What decided: the strongest rule of the strongest category of that passage.
    pub strongest: Option<Finding>,
    /// All findings, or some 256 of them where there are more; those for which the outcome changed are among them.
    pub findings: Vec<Finding>,
}

/// Findings of a message that are kept.
const KEPT: usize = 256;

impl Verdict {
    pub(super) fn clean() -> Self {
        Self { outcome: Outcome::Clean, ..Self::default() }
    }

    /// Adds the findings of one passage.
    pub(super) fn add(&mut self, findings: &mut Vec<Finding>, policies: &Policies) {
        findings.retain(|finding| policies.of(finding.category) != Policy::Off);
        let Some(category) = strongest_category(findings) else {
            return;
        };
        let score = combined(findings.iter());
        let mut outcome = policies.of(category).outcome(score);
        for category in Category::ALL {
            outcome = outcome.max(policies.of(category).outcome(combined(of(findings, category))));
        }
        self.judged(findings, category, outcome, score);
    }

    /// Adds a finding to which a policy of its own applies.
    pub(super) fn add_one(&mut self, finding: Finding, policy: Policy) {
        if policy != Policy::Off {
            let (category, score) = (finding.category, finding.severity);
            self.judged(&mut vec![finding], category, policy.outcome(score), score);
        }
    }

    fn judged(
        &mut self,
        findings: &mut Vec<Finding>,
        category: Category,
        outcome: Outcome,
        score: f32,
    ) {
        let decides = (outcome, score) > (self.outcome, self.score);
        if decides {
            let severity = |a: &&Finding, b: &&Finding| a.severity.total_cmp(&b.severity);
            self.strongest = of(findings, category).max_by(severity).cloned();
        }
        if self.findings.len() < KEPT || outcome > self.outcome {
            self.findings.append(findings);
        }
        if decides {
            (self.outcome, self.score) = (outcome, score);
        }
    }

    /// The transport header of a flagged message: category, score and rule, `injection;0.92;ignore-previous`.
    #[must_use]
    pub fn header(&self) -> Option<(&'static str, String)> {
        let strongest = self.strongest.as_ref().filter(|_| self.outcome == Outcome::Flagged)?;
        // A scanner of somebody's own may name its rules as it likes; a header may not hold everything.
        let plain = |char: char| if char.is_ascii_graphic() && char != ';' { char } else { '_' };
        let rule: String = strongest.rule.chars().map(plain).collect();
        let category = strongest.category.name();
        Some((headers::THREAT, format!("{category};{:.2};{rule}", self.score)))
    }
}

impl Policy {
    fn outcome(self, score: f32) -> Outcome {
        match self {
            // A score of 0 is no finding.
            Self::Flag(threshold) if score > 0.0 && score >= threshold => Outcome::Flagged,
            Self::Block(threshold) if score > 0.0 && score >= threshold => Outcome::Blocked,
            Self::Off | Self::Flag(_) | Self::Block(_) => Outcome::Clean,
        }
    }
}

fn of(findings: &[Finding], category: Category) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(move |finding| finding.category == category)
}

/// As if each were an independent chance that something is wrong.
fn combined<'f>(findings: impl Iterator<Item = &'f Finding>) -> f32 {
    1.0 - findings.map(|finding| 1.0 - finding.severity.clamp(0.0, 1.0)).product::<f32>()
}

fn strongest_category(findings: &[Finding]) -> Option<Category> {
    let score = |category: &Category| combined(of(findings, *category));
    let found = Category::ALL.into_iter().filter(|category| score(category) > 0.0);
    found.max_by(|a, b| score(a).total_cmp(&score(b)))
}
