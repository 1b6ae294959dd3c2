//! The keys of one session: one for each message, from the exchange, the whole handshake, the direction and the message's number.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::SessionError;
use super::handshake::expand;
use super::message::Mark;
use super::state::Kind;
use super::window::Window;
use crate::secure::KeyMaterial;
use crate::secure::seal::{sign, verify};

/// Which side of a session one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It said HELLO.
    Initiator,
    /// It answered.
    Responder,
}

impl Role {
    fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }

    fn name(self) -> &'static [u8] {
        match self {
            Self::Initiator => b"initiator",
            Self::Responder => b"responder",
        }
    }
}

pub(super) struct Keys {
    kdf: Hkdf<Sha256>,
    role: Role,
    sent: u64,
    received: Window,
}

impl Keys {
    /// From what the exchange gave, the organisation's key where both proved to have it, and the handshake as it was on the bus.
    pub(super) fn new(
        exchanged: &KeyMaterial,
        organisation: Option<&KeyMaterial>,
        transcript: &[u8; 32],
        role: Role,
    ) -> Self {
        let mut secret = Zeroizing::new(exchanged.expose().to_vec());
        secret.extend_from_slice(organisation.map_or(&[][..], |key| key.expose()));
        Self {
            kdf: Hkdf::new(Some(transcript), &secret),
            role,
            sent: 0,
            received: Window::default(),
        }
    }

    /// The number of the next message of ours.
    pub(super) fn next(&mut self) -> u64 {
        let number = self.sent;
        self.sent = number.saturating_add(1);
        number
    }

    /// The key of one payload of ours.
    pub(super) fn sealing(&self, counter: u64) -> KeyMaterial {
        self.key(b"data", self.role, counter)
    }

    /// The key of one payload of the peer's.
    ///
    /// # Errors
    /// When it has no number, or one that came before.
    pub(super) fn opening(&self, counter: Option<u64>) -> Result<(u64, KeyMaterial), SessionError> {
        let counter = self.fresh(Kind::Data, counter)?;
        Ok((counter, self.key(b"data", self.role.peer(), counter)))
    }

    /// Notes a message of the peer's that proved to be authentic.
    pub(super) fn note(&mut self, counter: u64) {
        self.received.note(counter);
    }

    /// What goes with a message of ours that has no payload.
    pub(super) fn mark(&mut self, kind: Kind) -> Mark {
        let counter = self.next();
        let key = self.key(b"mark", self.role, counter);
        let proof = STANDARD.encode(sign(&key, [kind.name().as_bytes()]));
        Mark { counter: Some(counter), proof: Some(proof) }
    }

    /// Checks what came with a message of the peer's that has no payload.
    ///
    /// # Errors
    /// When it is not the peer's, or came before.
    pub(super) fn check(&mut self, kind: Kind, mark: &Mark) -> Result<(), SessionError> {
        let counter = self.fresh(kind, mark.counter)?;
        let tag = mark.proof.as_ref().and_then(|proof| STANDARD.decode(proof).ok());
        let key = self.key(b"mark", self.role.peer(), counter);
        verify(&key, [kind.name().as_bytes()], &tag.unwrap_or_default())
            .map_err(|_| SessionError::NotAuthentic { kind })?;
        self.note(counter);
        Ok(())
    }

    fn fresh(&self, kind: Kind, counter: Option<u64>) -> Result<u64, SessionError> {
        let counter = counter.ok_or(SessionError::NotAuthentic { kind })?;
        if self.received.holds(counter) {
            return Err(SessionError::Repeated { counter });
        }
        Ok(counter)
    }

    fn key(&self, purpose: &[u8], sender: Role, counter: u64) -> KeyMaterial {
        let counter = counter.to_be_bytes();
        expand(&self.kdf, &[b"m2m-bus/v1/session/", purpose, b"/", sender.name(), b"/", &counter])
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("sent", &self.sent).finish_non_exhaustive()
    }
}
