//! Secret bytes: zeroized when dropped, never shown, compared in constant time.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The 32 bytes of a key. Boxed, so that moving it leaves no copy behind; it has no `Serialize`, and its Debug shows no byte.
///
/// ```compile_fail
/// # use m2m_engine::secure::KeyMaterial;
/// fn serialised(_: impl serde::Serialize) {}
/// serialised(KeyMaterial::from([0; 32]));
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyMaterial(Box<[u8; KeyMaterial::LEN]>);

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness(#[source] getrandom::Error);

/// Fills `bytes` from the operating system.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(NoRandomness)
}

/// Why a text is no key. It says what is wrong with the text, never what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Another length.
    #[error("a key is 64 hexadecimal digits, and this has {len} characters")]
    Len {
        /// Characters, without the white space around them.
        len: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("a key is 64 hexadecimal digits, and character {at} is none")]
    Digit {
        /// Which one, from 1.
        at: usize,
    },
}

impl KeyMaterial {
    /// Bytes of a key.
    pub const LEN: usize = 32;

    /// A new key, from the operating system's random bytes.
    ///
    /// # Errors
    /// When it has none to give.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Self(Box::new([0; Self::LEN]));
        random(&mut key.0[..])?;
        Ok(key)
    }

    /// The key that 64 hexadecimal digits spell; white space around them is passed over.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let len = text.chars().count();
        if len != 2 * Self::LEN {
            return Err(KeyError::Len { len });
        }
        let mut key = Self(Box::new([0; Self::LEN]));
        for (at, char) in text.chars().enumerate() {
            let digit = char.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let digit = digit.ok_or(KeyError::Digit { at: at + 1 })?;
            if let Some(byte) = key.0.get_mut(at / 2) {
                *byte = *byte << 4 | digit;
            }
        }
        Ok(key)
    }

    /// The key as 64 hexadecimal digits, for whoever stores it.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * Self::LEN));
        for nibble in self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            text.extend(char::from_digit(nibble.into(), 16));
        }
        text
    }

    /// The bytes themselves. Whoever copies them has to wipe the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Another key from this one, by HKDF-SHA256 (RFC 5869) without salt, with `info` to tell it from others.
    #[must_use]
    pub fn derive(&self, info: &[u8]) -> Self {
        let mut key = Self(Box::new([0; Self::LEN]));
        if Hkdf::<Sha256>::new(None, &self.0[..]).expand(info, &mut key.0[..]).is_err() {
            unreachable!("32 bytes are within the 8,160 that HKDF-SHA256 gives");
        }
        key
    }
}

impl From<[u8; Self::LEN]> for KeyMaterial {
    fn from(mut bytes: [u8; Self::LEN]) -> Self {
        let key = Self(Box::new(bytes));
        bytes.zeroize();
        key
    }
}

impl PartialEq for KeyMaterial {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0[..]).into()
    }
}

impl Eq for KeyMaterial {}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(redacted)")
    }
}
