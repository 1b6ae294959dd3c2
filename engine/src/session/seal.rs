//! M2M v1 frames sealed with the key of one message: ChaCha20-Poly1305 (RFC 8439), the header as associated data, as on any sealed frame.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::frame::M2M_PREFIX;
use crate::secure::keys::random;
use crate::secure::seal::{self as primitive, AEAD_TAG, NONCE};
use crate::secure::{KeyMaterial, NoRandomness};

/// Where the security byte stands in a header, and what it says of a frame that is plain or sealed.
const SECURITY: usize = 3;
const PLAIN: u8 = 0;
const SEALED: u8 = 2;

/// Seals a plain frame.
pub(super) fn seal(frame: &[u8], key: &KeyMaterial) -> Result<Vec<u8>, NoRandomness> {
    let Some((mut header, body)) = split(frame.get(M2M_PREFIX.len()..).unwrap_or_default()) else {
        unreachable!("the engine writes whole frames")
    };
    mark(&mut header, SEALED);
    let mut nonce = [0; NONCE];
    random(&mut nonce)?;
    let mut body = body.to_vec();
    match primitive::seal(key, &nonce, &header, &mut body) {
        Some(tag) => Ok([M2M_PREFIX, &header, &nonce, &body, &tag].concat()),
        None => unreachable!("frames are far below what the cipher takes"),
    }
}

/// The plain frame in a sealed one, which is in its text form. `None` whatever is wrong with it.
pub(super) fn unseal(text: &[u8], key: &KeyMaterial) -> Option<Vec<u8>> {
    let decoded = STANDARD.decode(text.strip_prefix(M2M_PREFIX)?).ok()?;
    let (mut header, rest) = split(&decoded)?;
    if header.get(SECURITY) != Some(&SEALED) {
        return None;
    }
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
    let (body, tag) = sealed.split_last_chunk::<AEAD_TAG>()?;
    let mut body = body.to_vec();
    primitive::unseal(key, nonce, &header, &mut body, tag).ok()?;
    mark(&mut header, PLAIN);
    Some([M2M_PREFIX, &header, &body].concat())
}

/// Header and the rest of what follows a frame's prefix.
fn split(after_prefix: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let len = u16::from_le_bytes(*after_prefix.first_chunk()?);
    let (header, rest) = after_prefix.split_at_checked(len.into())?;
    (header.len() > SECURITY).then(|| (header.to_vec(), rest))
}

fn mark(header: &mut [u8], security: u8) {
    if let Some(byte) = header.get_mut(SECURITY) {
        *byte = security;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]
    use serde_json::Value;

    use super::*;
    use crate::{Config, Engine};

    #[test]
    fn what_the_reference_implementation_sealed_is_unsealed() {
        let engine = Engine::new(Config::default()).unwrap();
        let mut count = 0;
        for line in include_str!("../../tests/vectors/interop.jsonl").lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let Some(aead) = line.get("aead") else { continue };
            let key = KeyMaterial::from_hex(aead["key_hex"].as_str().unwrap()).unwrap();
            let hex = aead["frame_hex"].as_str().unwrap();
            let frame: Vec<u8> = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2).unwrap(), 16).unwrap())
                .collect();
            let text = crate::frame::to_text(&frame);
            let plain = unseal(&text, &key).unwrap();
            let payload = engine.open_unsecured(&plain).unwrap();
            assert_eq!(payload, line["text"].as_str().unwrap().as_bytes());
            let again = seal(&plain, &key).unwrap();
            assert_eq!(unseal(&crate::frame::to_text(&again), &key).unwrap(), plain);
            count += 1;
        }
        assert!(count > 0);
    }
}
