//! What is not to count.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Finding;
use crate::config::ConfigError;

/// Findings that are not to count. Whoever may write at an allowed place is not screened there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allow {
    /// Ids of rules.
    pub rules: Vec<String>,
    /// JSON pointers (RFC 6901). A token `*` stands for any one, as a message's index; as the last one for all that is below.
    pub pointers: Vec<String>,
    /// SHA-256 of whole passages (the unescaped string, in UTF-8), 64 hex digits each.
    pub sha256: Vec<String>,
}

impl Allow {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for pointer in &self.pointers {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Err(ConfigError::Pointer { pointer: pointer.clone() });
            }
        }
        for hash in &self.sha256 {
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(ConfigError::Sha256 { hash: hash.clone() });
            }
        }
        Ok(())
    }

    /// Whether a finding that concerns no passage is not to count.
    pub(super) fn has(&self, finding: &Finding) -> bool {
        self.rules.contains(&finding.rule)
            || self.pointers.iter().any(|pattern| covers(pattern, &finding.pointer))
    }

    /// Removes what is not to count from the findings of one passage, which stands at `pointer` and says `text`.
    pub(super) fn apply<'t>(
        &self,
        findings: &mut Vec<Finding>,
        pointer: &str,
        text: impl FnOnce() -> std::borrow::Cow<'t, str>,
    ) {
        findings.retain(|finding| !self.rules.contains(&finding.rule));
        if findings.is_empty() {
            return;
        }
        if self.pointers.iter().any(|pattern| covers(pattern, pointer)) || self.knows(text) {
            findings.clear();
        }
    }

    fn knows<'t>(&self, text: impl FnOnce() -> std::borrow::Cow<'t, str>) -> bool {
        if self.sha256.is_empty() {
            return false;
        }
        let hash = Sha256::digest(text().as_bytes());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.sha256.iter().any(|known| known.eq_ignore_ascii_case(&hex))
    }
}

fn covers(pattern: &str, pointer: &str) -> bool {
    let (mut patterns, mut tokens) = (pattern.split('/').peekable(), pointer.split('/'));
    while let Some(pattern) = patterns.next() {
        match tokens.next() {
            None => return false,
            Some(_) if pattern == "*" && patterns.peek().is_none() => return true,
            Some(token) if pattern != "*" && pattern != token => return false,
            Some(_) => {}
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn pointers_cover_what_they_name() {
        for (pattern, pointer, expected) in [
            ("", "", true),
            ("", "/a", false),
            ("/a", "/a", true),
            ("/a", "/a/b", false),
            ("/a", "/ab", false),
            ("/a/*", "/a", false),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/c", true),
            ("/messages/*/content", "/messages/17/content", true),
            ("/messages/*/content", "/messages/17/content/0/text", false),
            ("/messages/*/content", "/messages/content", false),
            ("/*", "/", true),
            ("/a~1b", "/a~1b", true),
            ("/a~1b", "/a/b", false),
        ] {
            assert_eq!(covers(pattern, pointer), expected, "{pattern} and {pointer}");
        }
    }
}
