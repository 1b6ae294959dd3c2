//! What a session is told once, at its start.

use std::time::Duration;

use super::capabilities::{Algorithm, Screening};
use crate::secure::KeyMaterial;

/// How a session is protected. Both sides decide for themselves; a session comes about only where both are content.
#[derive(Debug, Clone, Default)]
pub enum Protection {
    /// No key exchange: payloads go as the engine wraps them. What the reference implementation does.
    Off,
    /// A key exchange with peers that offer one, else none. It stops those who only listen: whoever can change messages on their way can
    /// take the offer out.
    Prefer,
    /// A key exchange, or no session. It stops those who only listen: whoever can change messages on their way can swap the keys
    /// in both directions and read everything.
    #[default]
    Encrypted,
    /// A key exchange with a peer that proves that it holds this key, the organisation's, or no session. It stops whoever does not hold that
    /// key; holders of it can pass for one another.
    Authenticated(KeyMaterial),
}

/// How long what may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From HELLO to an answer; 30 s unless told otherwise.
    pub handshake: Duration,
    /// After which HELLO is sent again, as a broker may lose it; 5 s unless told otherwise.
    pub hello_again: Duration,
    /// Without any message in either direction; 5 min unless told otherwise.
    pub idle: Duration,
    /// Without a message from the peer, after which it is asked whether it is there; 1 min unless told otherwise, `None` never asks.
    pub keep_alive: Option<Duration>,
    /// From CLOSE to the peer's own; 5 s unless told otherwise.
    pub close: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(30),
            hello_again: Duration::from_secs(5),
            idle: Duration::from_secs(5 * 60),
            keep_alive: Some(Duration::from_secs(60)),
            close: Duration::from_secs(5),
        }
    }
}

/// Bounds on what peers may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at once, those of this side's own making included; 1,024 unless told otherwise.
    pub sessions: usize,
    /// Offers a second, from all peers together; 100 unless told otherwise.
    pub hellos_per_second: u32,
    /// Messages a second in one session, of which a second's worth may come at once; 10,000 unless told otherwise. In a session with keys
    /// only authentic ones count.
    pub messages_per_second: u32,
    /// The longest message in bytes, as it is on the bus; 24 MiB unless told otherwise.
    pub message: usize,
    /// PINGs without an answer before the peer is given up; 3 unless told otherwise.
    pub missed_pongs: u32,
    /// Payloads received in one session that the application has not taken yet; 1,024 unless told otherwise. With one more the session ends.
    pub untaken: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 1024,
            hellos_per_second: 100,
            messages_per_second: 10_000,
            message: 24 << 20,
            missed_pongs: 3,
            untaken: 1024,
        }
    }
}

/// What the sessions of an agent are told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The agent's id, which no other agent may have.
    pub agent_id: String,
    /// What kind of program it is, for its peers' logs; `m2m-bus` unless told otherwise.
    pub agent_type: String,
    /// How its sessions are protected.
    pub protection: Protection,
    /// What it reads and writes, the preferred first; all of them unless told otherwise. A session with keys uses M2M v1 alone.
    pub algorithms: Vec<Algorithm>,
    /// What it says of its screening.
    pub screening: Screening,
    /// How long what may take.
    pub timeouts: Timeouts,
    /// Bounds on what peers may ask for.
    pub limits: Limits,
}

impl Settings {
    /// An agent's settings, all by default.
    #[must_use]
    pub fn new(agent_id: impl Into<String>) -> Self {
        Self {
            agent_id: agent_id.into(),
            agent_type: "m2m-bus".to_owned(),
            protection: Protection::default(),
            algorithms: vec![
                Algorithm::M2m,
                Algorithm::TokenNative,
                Algorithm::Brotli,
                Algorithm::None,
            ],
            screening: Screening::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }

    /// The same with another protection.
    #[must_use]
    pub fn with_protection(mut self, protection: Protection) -> Self {
        self.protection = protection;
        self
    }
}
