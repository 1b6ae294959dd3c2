//! The reference implementation, under the names that we use.

use m2m::codec::m2m::crypto::{KeyMaterial, SecurityContext};
use m2m::codec::m2m::{M2MCodec, M2MFrame, SecurityMode};

/// Its codec.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

impl Reference {
    /// A frame.
    ///
    /// # Panics
    /// When it refuses the message.
    #[must_use]
    pub fn encode(self, json: &str) -> Vec<u8> {
        M2MCodec::new().encode(json).unwrap()
    }

    /// What a frame holds.
    ///
    /// # Panics
    /// When it cannot open the frame.
    #[must_use]
    pub fn decode(self, frame: &[u8]) -> String {
        M2MCodec::new().decode(frame).unwrap()
    }

    /// A frame, signed or encrypted.
    ///
    /// # Panics
    /// When it refuses the message.
    #[must_use]
    pub fn seal(self, json: &str, mode: SecurityMode, key: [u8; 32]) -> Vec<u8> {
        let mut context = SecurityContext::new(KeyMaterial::new(key.to_vec()));
        frame(json).encode_secure(mode, &mut context).unwrap()
    }

    /// What a signed or encrypted frame holds.
    ///
    /// # Panics
    /// When it cannot open the frame.
    #[must_use]
    pub fn unseal(self, frame: &[u8], key: [u8; 32]) -> String {
        let context = SecurityContext::new(KeyMaterial::new(key.to_vec()));
        M2MFrame::decode_secure(frame, &context).unwrap().payload
    }
}

/// A frame of the kind that its codec would pick, after the parse that its codec spends on that.
fn frame(json: &str) -> M2MFrame {
    let parsed: serde_json::Value = serde_json::from_str(json).unwrap();
    let call = parsed.get("messages").is_some() && parsed.get("model").is_some();
    let answer = parsed.get("choices").is_some()
        || parsed["id"].as_str().is_some_and(|id| id.starts_with("chatcmpl-"));
    if answer && !call { M2MFrame::new_response(json) } else { M2MFrame::new_request(json) }
        .unwrap()
}
