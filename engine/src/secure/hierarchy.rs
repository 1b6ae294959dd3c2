//! One organisation's keys, all derived from its master key: HKDF-SHA256 without salt, a path as info. The paths are the
//! reference implementation's; its vector `keys` pins them.

use super::keys::KeyMaterial;

/// What a key of an agent is for. A key of one purpose is of no use for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To prove who an agent is.
    Identity,
    /// To encrypt.
    Encryption,
    /// To sign.
    Authentication,
    /// To derive keys of sessions from.
    Session,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Identity, Self::Encryption, Self::Authentication, Self::Session];

    /// `identity`, `encryption`, `authentication` or `session`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Encryption => "encryption",
            Self::Authentication => "authentication",
            Self::Session => "session",
        }
    }
}

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not 1 to 128 of `[A-Za-z0-9_-]`.
    #[error("the {what} id is not 1 to 128 of A-Z a-z 0-9 _ -")]
    Form {
        /// Whose id it is.
        what: &'static str,
    },
    /// An agent called `shared` would have the key that the organisation's agents share.
    #[error("no agent can be called {id:?}: that is the path of another key")]
    Reserved {
        /// The id.
        id: String,
    },
}

/// Checks that an id is 1 to 128 of `[A-Za-z0-9_-]`.
pub(crate) fn check(what: &'static str, id: &str) -> Result<(), IdError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=128).contains(&id.len()) && id.bytes().all(known) {
        Ok(())
    } else {
        Err(IdError::Form { what })
    }
}

fn check_agent(id: &str) -> Result<(), IdError> {
    check("agent", id)?;
    if id == "shared" { Err(IdError::Reserved { id: id.to_owned() }) } else { Ok(()) }
}

/// The keys of an organisation.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    master: KeyMaterial,
    org: String,
}

impl Hierarchy {
    /// The hierarchy under a master key.
    ///
    /// # Errors
    /// When the organisation's id is not 1 to 128 of `[A-Za-z0-9_-]`.
    pub fn new(master: KeyMaterial, org: &str) -> Result<Self, IdError> {
        check("organisation", org)?;
        Ok(Self { master, org: org.to_owned() })
    }

    fn derive(&self, rest: &str) -> KeyMaterial {
        self.master.derive(format!("m2m/v1/{}{rest}", self.org).as_bytes())
    }

    /// The organisation's own key: `m2m/v1/{org}`.
    #[must_use]
    pub fn org(&self) -> KeyMaterial {
        self.derive("")
    }

    /// The key that all its agents share: `…/shared`.
    #[must_use]
    pub fn shared(&self) -> KeyMaterial {
        self.derive("/shared")
    }

    /// An agent's key: `…/{agent}`.
    ///
    /// # Errors
    /// When the id is not 1 to 128 of `[A-Za-z0-9_-]`, or `shared`.
    pub fn agent(&self, agent: &str) -> Result<KeyMaterial, IdError> {
        check_agent(agent)?;
        Ok(self.derive(&format!("/{agent}")))
    }

    /// An agent's key for one purpose: `…/{agent}/{purpose}`.
    ///
    /// # Errors
    /// As [`Hierarchy::agent`].
    pub fn agent_for(&self, agent: &str, purpose: Purpose) -> Result<KeyMaterial, IdError> {
        check_agent(agent)?;
        Ok(self.derive(&format!("/{agent}/{}", purpose.name())))
    }

    /// The key of a session between two agents, the same whichever is named first: `…/session/{a}:{b}/{id}`.
    ///
    /// # Errors
    /// As [`Hierarchy::agent`], for any of the three ids.
    pub fn session(&self, a: &str, b: &str, id: &str) -> Result<KeyMaterial, IdError> {
        check_agent(a)?;
        check_agent(b)?;
        check("session", id)?;
        let (first, second) = if a <= b { (a, b) } else { (b, a) };
        Ok(self.derive(&format!("/session/{first}:{second}/{id}")))
    }
}
