//! The transport header `m2m-stamp`: when a message was sent, an id that no other has, and where it belongs, signed together with the
//! frame that it travels with. For a null payload, which has no frame, it is all the proof there is.
//!
//! In base64: version `1`, what it is of (0 a frame, 1 a null payload), whether it is bound to a place (0, 1), time `u64` in milliseconds
//! since the Unix epoch, id (16), the place (16) where it is bound, tag (32). Integers are little-endian.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::keyring::Key;
use super::seal::{self, Forged, HMAC_TAG};

const VERSION: u8 = 1;
/// Tells tags of stamps from digests of places, which the same key makes.
const STAMP: &[u8] = b"stamp";
const PLACE: &[u8] = b"place";

/// A digest of a destination and a message key, made with the key: it tells nobody else which they are.
pub(super) type Place = [u8; 16];

/// What a stamp is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    /// A frame, by what closes it: no other frame has that.
    Frame { closing: &'a [u8] },
    /// A null payload.
    Null,
}

/// What a stamp says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Milliseconds since the Unix epoch.
    pub(super) time: u64,
    pub(super) id: [u8; 16],
    pub(super) place: Option<Place>,
}

pub(super) fn place(key: &Key, destination: &str, message_key: Option<&[u8]>) -> Place {
    let len = u64::try_from(destination.len()).unwrap_or(u64::MAX).to_le_bytes();
    let has_key = [u8::from(message_key.is_some())];
    let parts = [PLACE, &len, destination.as_bytes(), &has_key, message_key.unwrap_or_default()];
    seal::sign(&key.stamps, parts).first_chunk().copied().unwrap_or_default()
}

/// Milliseconds since the Unix epoch; before it, 0.
pub(super) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, super::replay::millis)
}

impl Stamp {
    /// The header's value.
    pub(super) fn write(&self, key: &Key, of: Of<'_>) -> String {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&[
            VERSION,
            u8::from(matches!(of, Of::Null)),
            u8::from(self.place.is_some()),
        ]);
        bytes.extend_from_slice(&self.time.to_le_bytes());
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(self.place.as_ref().map_or(&[], <[u8; 16]>::as_slice));
        let tag = seal::sign(&key.stamps, signed(key, &bytes, of));
        bytes.extend_from_slice(&tag);
        STANDARD.encode(bytes)
    }

    /// Reads a header's value, if it is a stamp of this and its tag is right.
    pub(super) fn read(value: &str, key: &Key, of: Of<'_>) -> Result<Self, Forged> {
        // No stamp is longer, and what is longer need not be decoded.
        if value.len() > 128 {
            return Err(Forged);
        }
        let bytes = STANDARD.decode(value).map_err(|_| Forged)?;
        let (said, tag) = bytes.split_last_chunk::<HMAC_TAG>().ok_or(Forged)?;
        seal::verify(&key.stamps, signed(key, said, of), tag)?;
        let (&[version, null, bound], rest) = said.split_first_chunk().ok_or(Forged)?;
        let (time, rest) = rest.split_first_chunk().ok_or(Forged)?;
        let (id, place) = rest.split_first_chunk().ok_or(Forged)?;
        let place = match (bound, place) {
            (0, []) => None,
            (1, place) => Some(place.try_into().map_err(|_| Forged)?),
            _ => return Err(Forged),
        };
        if version != VERSION || null != u8::from(matches!(of, Of::Null)) {
            return Err(Forged);
        }
        Ok(Self { time: u64::from_le_bytes(*time), id: *id, place })
    }
}

/// What the tag is over. The first part says how long the rest of it is, and a key id has no null byte, so that no two stamps give the
/// same bytes.
fn signed<'a>(key: &'a Key, said: &'a [u8], of: Of<'a>) -> [&'a [u8]; 5] {
    let closing = match of {
        Of::Frame { closing } => closing,
        Of::Null => &[],
    };
    [STAMP, said, key.id().as_bytes(), b"\0", closing]
}
