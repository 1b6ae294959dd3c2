//! What closes a frame that has been laid out: its tag, and the stamp that goes beside it.

use std::sync::Arc;

use super::keyring::{Key, Mode};
use super::seal::{self, AEAD_TAG, NONCE};
use super::stamp::{Of, Stamp};
use crate::bus::headers;

/// A key, a nonce, and what is to be stamped.
#[derive(Debug)]
pub(crate) struct Seal {
    pub(super) key: Arc<Key>,
    pub(super) nonce: [u8; NONCE],
    pub(super) stamp: Option<Stamp>,
}

impl Seal {
    /// How much longer it makes a frame.
    pub(crate) fn overhead(&self) -> usize {
        self.key.mode().overhead()
    }

    /// What stands between the headers and the rest.
    pub(crate) fn nonce(&self) -> &[u8] {
        match self.key.mode() {
            Mode::Hmac => &[],
            Mode::Aead => &self.nonce,
        }
    }

    /// Signs or encrypts what follows the prefix of a frame, in place, and gives the transport headers that go with it; `None` for a
    /// frame that the cipher does not take, over 256 GiB.
    pub(crate) fn close(
        &self,
        frame: &mut Vec<u8>,
        prefix: usize,
        headers_end: usize,
    ) -> Option<Vec<(&'static str, String)>> {
        let closing = match self.key.mode() {
            Mode::Hmac => {
                let tag = seal::sign(&self.key.material, frame.get(prefix..));
                frame.extend_from_slice(&tag);
                tag.to_vec()
            }
            Mode::Aead => {
                let (headers, body) = frame.split_at_mut_checked(headers_end + NONCE)?;
                let headers = headers.get(prefix..headers_end)?;
                let tag = seal::seal(&self.key.material, &self.nonce, headers, body)?;
                frame.extend_from_slice(&tag);
                closing(&self.nonce, &tag).to_vec()
            }
        };
        let mut sent = vec![(headers::KEY_ID, self.key.id().to_owned())];
        if let Some(stamp) = self.stamp {
            let of = Of::Frame { closing: &closing };
            sent.push((headers::STAMP, stamp.write(&self.key, of)));
        }
        Some(sent)
    }
}

/// What an encrypted frame is known by: nonce and tag. A signed one is known by its tag.
pub(super) fn closing(nonce: &[u8; NONCE], tag: &[u8; AEAD_TAG]) -> [u8; NONCE + AEAD_TAG] {
    let mut both = [0; NONCE + AEAD_TAG];
    both.iter_mut().zip(nonce.iter().chain(tag)).for_each(|(place, byte)| *place = *byte);
    both
}
