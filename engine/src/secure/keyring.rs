//! The keys that an engine has: one that it secures with, and others that still open (or will, once every consumer has them).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::hierarchy::{self, IdError};
use super::keys::KeyMaterial;
use super::seal;
use crate::frame::Security;

/// How a message is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Signed with HMAC-SHA256; anyone can read it.
    Hmac,
    /// Encrypted with ChaCha20-Poly1305; the header is authenticated, and anyone can read that.
    Aead,
}

impl Mode {
    /// `hmac` or `aead`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Security::from(self).name()
    }

    /// How much longer it makes a frame.
    pub(crate) fn overhead(self) -> usize {
        match self {
            Self::Hmac => seal::HMAC_TAG,
            Self::Aead => seal::NONCE + seal::AEAD_TAG,
        }
    }
}

impl From<Mode> for Security {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Hmac => Self::Hmac,
            Mode::Aead => Self::Aead,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key with the id that travels with what it secures, for one mode alone: whatever id a message shows, a key that signs never
/// decrypts, and the other way round.
#[derive(Clone)]
pub struct Key {
    id: String,
    mode: Mode,
    pub(super) material: KeyMaterial,
    /// Signs stamps, so that a tag of a frame is never one of a stamp.
    pub(super) stamps: KeyMaterial,
}

impl Key {
    /// A key for one mode. `material` is used as it is, as the reference implementation does, so that both open each other's frames.
    ///
    /// # Errors
    /// When the id is not 1 to 128 of `[A-Za-z0-9_-]`.
    pub fn new(id: &str, mode: Mode, material: KeyMaterial) -> Result<Self, IdError> {
        hierarchy::check("key", id)?;
        let stamps = material.derive(b"m2m-stamp-v1");
        Ok(Self { id: id.to_owned(), mode, material, stamps })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is for.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Why a key does not go into a keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Another key has its id.
    #[error("the keyring has a key {id:?} already")]
    Id {
        /// The id.
        id: String,
    },
    /// Another key has its bytes, under another id.
    #[error("the keys {id:?} and {other:?} are the same bytes: derive a key for each use")]
    SameBytes {
        /// The new key's id.
        id: String,
        /// The id of the one that is there.
        other: String,
    },
    /// There are as many as are tried on a message without a key id.
    #[error("the keyring is full with {} keys", Keyring::MAX)]
    Full,
}

/// One active key and retired ones. Cheap to clone; its Debug shows ids alone.
#[derive(Debug, Clone)]
pub struct Keyring {
    active: Arc<Key>,
    retired: Vec<Arc<Key>>,
}

impl Keyring {
    /// The most keys that a keyring holds: a message without a key id is tried with each.
    pub const MAX: usize = 16;

    /// A keyring that secures with `active`, and opens what was secured with it.
    #[must_use]
    pub fn new(active: Key) -> Self {
        Self { active: Arc::new(active), retired: Vec::new() }
    }

    /// The same with a key that only opens: one that was active before, or one that will be.
    ///
    /// # Errors
    /// When its id or its bytes are there already, or there are [`Keyring::MAX`] keys.
    pub fn with_retired(mut self, key: Key) -> Result<Self, KeyringError> {
        if self.retired.len() + 1 >= Self::MAX {
            return Err(KeyringError::Full);
        }
        for other in self.all() {
            if other.id == key.id {
                return Err(KeyringError::Id { id: key.id });
            }
            if other.material == key.material {
                return Err(KeyringError::SameBytes { id: key.id, other: other.id.clone() });
            }
        }
        self.retired.push(Arc::new(key));
        Ok(self)
    }

    /// The key that secures.
    #[must_use]
    pub fn active(&self) -> &Arc<Key> {
        &self.active
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.active).chain(&self.retired).map(AsRef::as_ref)
    }

    /// The keys to try on a message: the one of that id, or without an id all, the active one first.
    pub(super) fn candidates(&self, id: Option<&str>) -> impl Iterator<Item = &Key> {
        self.all().filter(move |key| id.is_none_or(|id| key.id == id))
    }
}
