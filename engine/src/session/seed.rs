//! The randomness of one session, which comes from the caller.

use std::fmt;

use crate::secure::{KeyMaterial, NoRandomness};

/// Random bytes for one session: its secret key and its id. Never to be used twice.
pub struct Seed {
    secret: KeyMaterial,
    id: [u8; 16],
}

impl Seed {
    /// From bytes that nobody can guess.
    #[must_use]
    pub fn new(secret: KeyMaterial, id: [u8; 16]) -> Self {
        Self { secret, id }
    }

    /// From the operating system.
    ///
    /// # Errors
    /// When it has none to give.
    pub fn from_os() -> Result<Self, NoRandomness> {
        let mut id = [0; 16];
        crate::secure::keys::random(&mut id)?;
        Ok(Self { secret: KeyMaterial::generate()?, id })
    }

    pub(super) fn secret(&self) -> &KeyMaterial {
        &self.secret
    }

    /// A session's id: a version 4 UUID (RFC 9562), as the reference implementation has it.
    pub(super) fn id(&self) -> String {
        uuid::Builder::from_random_bytes(self.id).into_uuid().to_string()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}
