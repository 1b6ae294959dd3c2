//! The key exchange within HELLO and ACCEPT, and the proof that a message comes from a holder of the organisation's key.
//!
//! A proof is an HMAC-SHA256 over the message's own bytes as they are on the bus, with the proof's place filled with zeros. That of an answer
//! covers the HELLO that it answers as well, so that nothing of either can be changed: keys, versions, algorithms.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::capabilities::Capabilities;
use super::settings::Protection;
use super::state::Kind;
use crate::secure::KeyMaterial;
use crate::secure::seal::{sign, verify};

/// In the extensions of HELLO and ACCEPT: the sender's X25519 public key for this session alone, in base64.
pub(super) const KEY: &str = "m2m-key";
/// In the extensions of HELLO and ACCEPT: the proof, in base64.
pub(super) const PROOF: &str = "m2m-proof";

/// A proof of zeros, in base64.
pub(super) const BLANK: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

const PROOF_INFO: &[u8] = b"m2m-bus/v1/session/proof";

/// The digest of a HELLO as it is on the bus.
pub(super) type HelloDigest = [u8; 32];

pub(super) fn digest(message: &[u8]) -> HelloDigest {
    Sha256::digest(message).into()
}

/// The digest of a handshake: both messages as they were on the bus.
pub(super) fn transcript(hello: &HelloDigest, accept: &[u8]) -> [u8; 32] {
    let accept = Sha256::digest(accept);
    Sha256::new()
        .chain_update(b"m2m-bus/v1/session/transcript")
        .chain_update(hello)
        .chain_update(accept)
        .finalize()
        .into()
}

impl Protection {
    /// Whether a key exchange is offered.
    pub(super) fn exchanges(&self) -> bool {
        !matches!(self, Self::Off)
    }

    /// Whether there is no session without one.
    pub(super) fn insists(&self) -> bool {
        matches!(self, Self::Encrypted | Self::Authenticated(_))
    }

    pub(super) fn organisation(&self) -> Option<&KeyMaterial> {
        match self {
            Self::Off | Self::Prefer | Self::Encrypted => None,
            Self::Authenticated(key) => Some(key),
        }
    }

    pub(super) fn prover(&self) -> Option<Prover> {
        self.organisation().map(Prover::new)
    }
}

/// Writes and checks proofs.
pub(super) struct Prover(KeyMaterial);

impl Prover {
    fn new(organisation: &KeyMaterial) -> Self {
        Self(organisation.derive(PROOF_INFO))
    }

    /// Puts the proof into a message that has [`BLANK`] in its place.
    pub(super) fn prove(&self, kind: Kind, hello: Option<&HelloDigest>, message: &mut [u8]) {
        let tag = STANDARD.encode(sign(&self.0, covered(kind, hello, message)));
        if let Some(at) = only(message, BLANK)
            && let Some(place) = message.get_mut(at..at + BLANK.len())
        {
            place.copy_from_slice(tag.as_bytes());
        }
    }

    /// Whether the message holds this proof, and rightly.
    pub(super) fn holds(
        &self,
        kind: Kind,
        hello: Option<&HelloDigest>,
        message: &[u8],
        proof: Option<&str>,
    ) -> bool {
        let Some(proof) = proof.filter(|proof| proof.len() == BLANK.len()) else { return false };
        let (Ok(tag), Some(at)) = (STANDARD.decode(proof), only(message, proof)) else {
            return false;
        };
        let mut blank = message.to_vec();
        if let Some(place) = blank.get_mut(at..at + BLANK.len()) {
            place.copy_from_slice(BLANK.as_bytes());
        }
        verify(&self.0, covered(kind, hello, &blank), &tag).is_ok()
    }
}

/// What a proof covers.
fn covered<'p>(kind: Kind, hello: Option<&'p HelloDigest>, message: &'p [u8]) -> [&'p [u8]; 3] {
    [kind.name().as_bytes(), hello.map_or(&[], |hello| hello), message]
}

/// 32 bytes of HKDF's output.
pub(super) fn expand(kdf: &Hkdf<Sha256>, info: &[&[u8]]) -> KeyMaterial {
    let mut key = Zeroizing::new([0; KeyMaterial::LEN]);
    match kdf.expand_multi_info(info, &mut *key) {
        Ok(()) => KeyMaterial::from(*key),
        Err(error) => unreachable!("HKDF gives up to 8,160 bytes: {error}"),
    }
}

/// Where `part` stands in `whole`, if exactly once.
fn only(whole: &[u8], part: &str) -> Option<usize> {
    let mut found = memchr::memmem::find_iter(whole, part);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The peer's public key, as its extensions have it.
pub(super) fn public_key(peer: &Capabilities) -> Option<[u8; 32]> {
    let text = peer.extensions.get(KEY)?;
    STANDARD.decode(text).ok()?.try_into().ok()
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
