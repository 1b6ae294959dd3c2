//! X25519 (RFC 7748): two that share no key agree on one. Who the other is, it does not tell.

use std::fmt;

use x25519_dalek::StaticSecret;

use super::keys::{KeyError, KeyMaterial, NoRandomness};

/// What tells a key of a session from other keys of the same exchange.
const SESSION: &[u8] = b"m2m-session-v1";

/// The half of an exchange that is kept secret.
#[derive(Clone)]
pub struct SecretKey(StaticSecret);

/// The half of an exchange that the other side is given.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// Why an exchange gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// A point of low order: the secret that it gives is known to everybody (RFC 7748, section 6.1).
    #[error("the other side's public key is of low order")]
    LowOrder,
    /// One's own public key, sent back.
    #[error("the other side's public key is one's own")]
    Own,
}

impl SecretKey {
    /// A new one, from the operating system's random bytes.
    ///
    /// # Errors
    /// When it has none to give.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self::from(&KeyMaterial::generate()?))
    }

    /// What the other side is given.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The secret shared with the other side, which is no key yet: derive one from it.
    ///
    /// # Errors
    /// When the other side's public key is of low order, or one's own.
    pub fn agree(&self, theirs: &PublicKey) -> Result<KeyMaterial, ExchangeError> {
        if self.public() == *theirs {
            return Err(ExchangeError::Own);
        }
        let shared = self.0.diffie_hellman(&theirs.0.into());
        if shared.was_contributory() {
            Ok(KeyMaterial::from(shared.to_bytes()))
        } else {
            Err(ExchangeError::LowOrder)
        }
    }

    /// The key of a session: HKDF-SHA256 of the shared secret, with info `m2m-session-v1`, as the reference implementation has it.
    ///
    /// # Errors
    /// As [`SecretKey::agree`].
    pub fn session_key(&self, theirs: &PublicKey) -> Result<KeyMaterial, ExchangeError> {
        Ok(self.agree(theirs)?.derive(SESSION))
    }
}

impl From<&KeyMaterial> for SecretKey {
    fn from(key: &KeyMaterial) -> Self {
        Self(StaticSecret::from(*key.expose()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

impl PublicKey {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key that 64 hexadecimal digits spell; white space around them is passed over.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        Ok(Self(*KeyMaterial::from_hex(text)?.expose()))
    }
}

impl From<[u8; 32]> for PublicKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}
