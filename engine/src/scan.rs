//! Step 1. In: the payload. Out: Scanned. Next: choose.

mod allow;
mod config;
mod items;
mod names;
mod nested;
mod normalise;
mod pass;
mod place;
mod rules;
mod scanner;
mod seen;
mod speaker;
mod structure;
mod verdict;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::config::{Config, ConfigError};
use crate::frame::Header;
use crate::json;
use scanner::Scanner;

pub use allow::Allow;
pub use config::{Danger, Policies, Policy, ScanConfig};
pub use rules::{RuleError, RuleProblem, RuleSet};
pub use structure::StructureLimits;
pub use verdict::{Outcome, Verdict};

/// What kind of threat a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Instructions that are not the speaker's to give.
    Injection,
    /// Talk meant to take a model's guard down.
    Jailbreak,
    /// Secrets on their way out, or a request for them.
    Exfiltration,
    /// Rights that the speaker does not have, claimed.
    PrivilegeEscalation,
    /// A payload built to break its reader.
    Malformed,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Injection,
        Self::Jailbreak,
        Self::Exfiltration,
        Self::PrivilegeEscalation,
        Self::Malformed,
    ];

    /// `injection`, `jailbreak`, `exfiltration`, `privilege-escalation` or `malformed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Injection => "injection",
            Self::Jailbreak => "jailbreak",
            Self::Exfiltration => "exfiltration",
            Self::PrivilegeEscalation => "privilege-escalation",
            Self::Malformed => "malformed",
        }
    }
}

/// Who says a text, as far as the payload tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// The operator: a system or developer message.
    Operator,
    /// A user's message.
    User,
    /// A model's.
    Assistant,
    /// Data: a tool's result.
    Tool,
    /// Not told.
    Unknown,
}

/// One text to look at: a string value of JSON, or a whole payload that is text.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Passage<'a> {
    /// What a model will read: unescaped.
    pub text: &'a str,
    /// Who says it.
    pub speaker: Speaker,
}

/// Something that a scanner found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// What kind of threat it is.
    pub category: Category,
    /// From 0 (harmless) to 1 (certain).
    pub severity: f32,
    /// Where, in bytes: within the passage as a [`Scan`] gives it, within the payload as the engine hands it on.
    pub range: Range<usize>,
    /// The JSON pointer (RFC 6901) of the string that holds it, cut to 1,024 bytes; of the member, where its name holds it. Empty in what is
    /// not JSON, and as a [`Scan`] gives it.
    pub pointer: String,
}

impl Finding {
    /// A finding of `rule` at `range`, of a severity from 0 to 1.
    #[must_use]
    pub fn new(
        rule: impl Into<String>,
        category: Category,
        severity: f32,
        range: Range<usize>,
    ) -> Self {
        Self { rule: rule.into(), category, severity, range, pointer: String::new() }
    }
}

/// Looks for threats in one text. It only reports, each rule at most once; a [`Policy`] decides.
///
/// What it finds depends on the passage alone, so that a passage already judged need not be judged again.
pub trait Scan: Send + Sync {
    /// Adds what was found, in the order of the text.
    fn scan(&self, passage: &Passage<'_>, findings: &mut Vec<Finding>);

    /// Adds what was found in each of several passages with the passage's index, in their order: for scanners that are faster at many
    /// passages at once.
    fn scan_all(&self, passages: &[Passage<'_>], findings: &mut Vec<(usize, Finding)>) {
        let mut found = Vec::new();
        for (index, passage) in passages.iter().enumerate() {
            self.scan(passage, &mut found);
            findings.extend(found.drain(..).map(|finding| (index, finding)));
        }
    }
}

/// Screens payloads as it was configured.
pub(crate) struct Screen {
    /// `None` where nothing is screened.
    scanner: Option<Scanner>,
    policies: Policies,
    limits: StructureLimits,
    allow: Allow,
    max_depth: usize,
}

/// The built-in rules and these. The built-in ones alone are made ready once, as that takes a while and nothing can change them.
fn rules(texts: &[String]) -> Result<Arc<RuleSet>, RuleError> {
    static BUILT_IN: OnceLock<Arc<RuleSet>> = OnceLock::new();
    if !texts.is_empty() {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        return Ok(Arc::new(RuleSet::with(&texts)?));
    }
    if let Some(rules) = BUILT_IN.get() {
        return Ok(Arc::clone(rules));
    }
    let rules = Arc::new(RuleSet::built_in()?);
    Ok(Arc::clone(BUILT_IN.get_or_init(|| rules)))
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen")
            .field("off", &self.scanner.is_none())
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

impl Screen {
    /// # Errors
    /// When a threshold is out of range, or an allow-list or a rule cannot be read.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let scan = &config.scan;
        scan.check()?;
        let mut scanner = None;
        if !scan.danger.off {
            scanner = Some(Scanner::new(rules(&scan.rules)?, scan.remembered));
        }
        Ok(Self {
            scanner,
            policies: scan.policy.clone(),
            limits: scan.limits,
            allow: scan.danger.allow.clone(),
            max_depth: config.limits.json_depth,
        })
    }

    /// Another scanner, everything else as it was: where nothing is screened, nothing is.
    pub(crate) fn with_scanner(&mut self, scanner: Arc<dyn Scan>) {
        self.scanner = self.scanner.as_ref().map(|known| known.with(scanner));
    }

    /// The verdict on a payload, whatever it is.
    pub(crate) fn judge(&self, payload: &[u8]) -> Verdict {
        let Some(scanner) = &self.scanner else {
            return Verdict::default();
        };
        pass::judge(self, scanner, payload)
    }

    /// Screens a payload and reads the facts of its header, in one pass over its JSON; without `facts`, for a payload that goes as it is,
    /// there need be none.
    ///
    /// # Errors
    /// The verdict, where the policy refuses the message.
    pub(crate) fn screen<'a>(
        &self,
        facts: Option<&json::Facts>,
        payload: &'a [u8],
    ) -> Result<Scanned<'a>, Verdict> {
        let Some(scanner) = &self.scanner else {
            let header = facts.and_then(|facts| facts.read(payload));
            return Ok(Scanned { payload, header, verdict: Verdict::default() });
        };
        let (header, verdict) = match facts {
            None => (None, pass::judge(self, scanner, payload)),
            Some(facts) => pass::screen(self, scanner, payload, facts),
        };
        if verdict.outcome == Outcome::Blocked {
            return Err(verdict);
        }
        Ok(Scanned { payload, header, verdict })
    }

    /// Adds what was found in one passage to the verdict.
    fn weigh<'t>(
        &self,
        verdict: &mut Verdict,
        findings: &mut Vec<Finding>,
        pointer: &str,
        text: impl FnOnce() -> Cow<'t, str>,
    ) {
        self.allow.apply(findings, pointer, text);
        verdict.add(findings, &self.policies);
    }

    /// Adds what is wrong with the build of a payload; `is_limit` for what passes one.
    fn weigh_offence(&self, verdict: &mut Verdict, finding: Finding, is_limit: bool) {
        let policy = if is_limit { self.policies.structure } else { self.policies.malformed };
        if !self.allow.has(&finding) {
            verdict.add_one(finding, policy);
        }
    }
}

/// A payload that has passed the screening; there is no other way to the next step.
///
/// ```compile_fail
/// // Its fields are private: only the screening makes one.
/// let scanned = m2m_engine::scan::Scanned { payload: b"{}", header: None, verdict: Default::default() };
/// ```
#[derive(Debug)]
pub struct Scanned<'a> {
    payload: &'a [u8],
    header: Option<Header<'a>>,
    verdict: Verdict,
}

impl<'a> Scanned<'a> {
    pub(crate) fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The header that this payload's frame would carry; `None` when it is not JSON.
    pub(crate) fn into_parts(self) -> (&'a [u8], Option<Header<'a>>, Verdict) {
        (self.payload, self.header, self.verdict)
    }

    pub(crate) fn is_json(&self) -> bool {
        self.header.is_some()
    }
}
