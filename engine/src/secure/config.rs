//! What an engine with keys is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Keyring, Mode};

/// Keys, and what is demanded of messages. With nothing else said, everything sent is secured with the active key, and nothing
/// weaker is taken in.
#[derive(Debug, Clone)]
pub struct SecurityConfig {
    /// The keys. What the active one is for, signing or encrypting, says how messages are secured on their way out.
    pub keys: Keyring,
    /// The least that an incoming message must be secured with under [`Policy::Require`]; the active key's mode unless told otherwise.
    pub minimum: Option<Mode>,
    /// Refuses what came before; off unless told otherwise. Senders stamp their messages for it, so that it must be on at both ends.
    pub replay: Option<Replay>,
    /// Binds messages to their destination and key, so that a captured frame cannot be published elsewhere; off unless told otherwise.
    /// Not where a relay, a dead-letter exchange or a stream's transformation renames destinations. Must be on at both ends.
    pub bind_destination: bool,
    /// Encrypted frames are as long as a multiple of this many bytes, 64 to 65,536; off unless told otherwise. Their header then tells
    /// nothing, as it would tell lengths: route conditions see a frame of schema custom.
    pub padding: Option<usize>,
    /// What weakens all this.
    pub danger: Danger,
}

impl SecurityConfig {
    /// With these keys, everything else by default.
    #[must_use]
    pub fn new(keys: Keyring) -> Self {
        Self {
            keys,
            minimum: None,
            replay: None,
            bind_destination: false,
            padding: None,
            danger: Danger::default(),
        }
    }

    /// Whether what can be secured is.
    pub(crate) fn secures(&self) -> bool {
        self.danger.policy != Policy::Off
    }
}

/// What weakens the security of an engine with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Danger {
    /// Whether what is not secured is taken in and sent.
    pub policy: Policy,
    /// Takes null payloads (tombstones) without a stamp under [`Policy::Require`]: anyone who can publish can then delete a key.
    pub allow_tombstones: bool,
}

/// What an engine with keys does about messages that are not secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Refuses them, and sends none.
    #[default]
    Require,
    /// Takes them in, and sends secured ones wherever the form of the message can be. Whoever can publish can leave security out.
    Prefer,
    /// Takes them in, and sends no others: for consumers that are given keys before the first producer is.
    Off,
}

/// The window in which no message is taken in twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// How long ago a message may have been sent; 10 minutes unless told otherwise. Longer than the longest backlog that is to be read, as
    /// what is older is refused.
    pub age: Duration,
    /// How many messages are remembered, at some 100 bytes each; 262,144 unless told otherwise. When there are more within `age`, the oldest
    /// are forgotten, and what was sent before them is refused: nothing forgotten can come again.
    pub capacity: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Self { age: Duration::from_secs(600), capacity: 1 << 18 }
    }
}
