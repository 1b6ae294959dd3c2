//! What the screening is told.

use serde::{Deserialize, Serialize};

use super::Category;
use super::allow::Allow;
use super::structure::StructureLimits;
use crate::config::ConfigError;

/// How messages are screened: on their way out by default, with the built-in rules.
///
/// ```
/// use m2m_engine::scan::{Policy, ScanConfig};
///
/// let config: ScanConfig = toml::from_str(r#"
///     inbound = true
///     [policy]
///     injection = { block = 0.95 }
///     jailbreak = "off"
///     [danger.allow]
///     pointers = ["/metadata/*"]
/// "#)?;
/// assert_eq!(config.policy.injection, Policy::Block(0.95));
/// assert_eq!(config.policy.exfiltration, Policy::Flag(0.8));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanConfig {
    /// Whether what is opened is screened too, framed or plain: not every producer screens what it sends.
    pub inbound: bool,
    /// What becomes of what is found.
    pub policy: Policies,
    /// From where on the build of a JSON payload is a finding.
    pub limits: StructureLimits,
    /// Rules in TOML (see `scan/rules/injection.toml` for the form), put beside the built-in ones; one with the id of another replaces it.
    pub rules: Vec<String>,
    /// How many texts that have been judged are remembered, so that a conversation sent again with every turn is judged once; 131,072
    /// unless told otherwise, none for 0. Each takes some 24 bytes, with what is remembered of whole messages; beside that a conversation
    /// takes eight for each of its messages, 128 a text at most.
    pub remembered: usize,
    /// What weakens the screening.
    pub danger: Danger,
}

impl Default for ScanConfig {
    fn default() -> Self {
        Self {
            inbound: false,
            policy: Policies::default(),
            limits: StructureLimits::default(),
            rules: Vec::new(),
            remembered: 1 << 17,
            danger: Danger::default(),
        }
    }
}

/// What weakens the screening.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Danger {
    /// Nothing is looked at, everything passes.
    pub off: bool,
    /// What is not to count.
    pub allow: Allow,
}

/// What becomes of a message for findings of one category, whose severities in one passage are combined: 1 - (1 - a)(1 - b)…
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// They are not counted.
    Off,
    /// From this score on, 0 to 1, it is sent with the verdict in a transport header.
    Flag(f32),
    /// From this score on, 0 to 1, it is refused.
    Block(f32),
}

/// A policy for each category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// Of [`Category::Injection`].
    pub injection: Policy,
    /// Of [`Category::Jailbreak`].
    pub jailbreak: Policy,
    /// Of [`Category::Exfiltration`].
    pub exfiltration: Policy,
    /// Of [`Category::PrivilegeEscalation`].
    pub privilege_escalation: Policy,
    /// Of [`Category::Malformed`], but for what passes a limit of [`StructureLimits`].
    pub malformed: Policy,
    /// Of what passes a limit of [`StructureLimits`].
    pub structure: Policy,
}

impl Default for Policies {
    /// Flags from 0.8 on; what passes a structural limit is blocked.
    fn default() -> Self {
        Self { structure: Policy::Block(0.8), ..Self::all(Policy::Flag(0.8)) }
    }
}

impl Policies {
    /// The same for all.
    #[must_use]
    pub fn all(policy: Policy) -> Self {
        Self {
            injection: policy,
            jailbreak: policy,
            exfiltration: policy,
            privilege_escalation: policy,
            malformed: policy,
            structure: policy,
        }
    }

    pub(super) fn of(&self, category: Category) -> Policy {
        match category {
            Category::Injection => self.injection,
            Category::Jailbreak => self.jailbreak,
            Category::Exfiltration => self.exfiltration,
            Category::PrivilegeEscalation => self.privilege_escalation,
            Category::Malformed => self.malformed,
        }
    }

    fn named(&self) -> [(&'static str, Policy); 6] {
        [
            ("injection", self.injection),
            ("jailbreak", self.jailbreak),
            ("exfiltration", self.exfiltration),
            ("privilege_escalation", self.privilege_escalation),
            ("malformed", self.malformed),
            ("structure", self.structure),
        ]
    }
}

impl ScanConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (name, policy) in self.policy.named() {
            match policy {
                Policy::Flag(threshold) | Policy::Block(threshold)
                    if !(0.0..=1.0).contains(&threshold) =>
                {
                    return Err(ConfigError::Threshold { name, threshold });
                }
                Policy::Off | Policy::Flag(_) | Policy::Block(_) => {}
            }
        }
        self.danger.allow.check()
    }
}
