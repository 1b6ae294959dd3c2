//! The two primitives, on bytes: HMAC-SHA256 (RFC 2104) and ChaCha20-Poly1305 (RFC 8439). Tags are compared in constant time, by the crates
//! that compute them.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Tag};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KeyMaterial;

/// Bytes of an HMAC-SHA256 tag.
pub(crate) const HMAC_TAG: usize = 32;
/// Bytes of a ChaCha20-Poly1305 tag.
pub(crate) const AEAD_TAG: usize = 16;
/// Bytes of a nonce, new for each message.
pub(crate) const NONCE: usize = 12;

/// A tag does not match. There is nothing to tell about why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forged;

fn mac<'p>(key: &KeyMaterial, parts: impl IntoIterator<Item = &'p [u8]>) -> Hmac<Sha256> {
    // RFC 2104 fills a key that is shorter than a block of the hash up with zeros.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key.expose()).for_each(|(place, byte)| *place = *byte);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    parts.into_iter().for_each(|part| mac.update(part));
    mac
}

/// The tag over the parts, one after the other.
pub(crate) fn sign<'p>(
    key: &KeyMaterial,
    parts: impl IntoIterator<Item = &'p [u8]>,
) -> [u8; HMAC_TAG] {
    mac(key, parts).finalize().into_bytes().into()
}

/// # Errors
/// When the tag is not that of the parts.
pub(crate) fn verify<'p>(
    key: &KeyMaterial,
    parts: impl IntoIterator<Item = &'p [u8]>,
    tag: &[u8],
) -> Result<(), Forged> {
    mac(key, parts).verify_slice(tag).map_err(|_| Forged)
}

/// Encrypts `buffer` in place and gives the tag over it and `headers`; `None` for a buffer over 256 GiB.
pub(crate) fn seal(
    key: &KeyMaterial,
    nonce: &[u8; NONCE],
    headers: &[u8],
    buffer: &mut [u8],
) -> Option<[u8; AEAD_TAG]> {
    let cipher = ChaCha20Poly1305::new(key.expose().into());
    let tag = cipher.encrypt_inout_detached(nonce.into(), headers, buffer.into());
    tag.ok().map(Into::into)
}

/// Decrypts `buffer` in place after its tag has been checked; otherwise leaves it.
///
/// # Errors
/// When the tag is not that of the buffer and `headers`.
pub(crate) fn unseal(
    key: &KeyMaterial,
    nonce: &[u8; NONCE],
    headers: &[u8],
    buffer: &mut [u8],
    tag: &[u8; AEAD_TAG],
) -> Result<(), Forged> {
    let cipher = ChaCha20Poly1305::new(key.expose().into());
    let buffer = InOutBuf::from(buffer);
    cipher
        .decrypt_inout_detached(nonce.into(), headers, buffer, <&Tag>::from(tag))
        .map_err(|_| Forged)
}
