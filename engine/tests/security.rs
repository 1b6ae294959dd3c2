//! What an engine with keys lets through, and what it does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "security/downgrade.rs"]
mod downgrade;
#[path = "security/lengths.rs"]
mod lengths;
#[path = "security/rotation.rs"]
mod rotation;
#[path = "security/secrets.rs"]
mod secrets;
#[path = "security/stamps.rs"]
mod stamps;
#[path = "security/tamper.rs"]
mod tamper;
#[path = "security/tombstones.rs"]
mod tombstones;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use m2m_engine::secure::{
    Danger, Key, KeyMaterial, Keyring, Mode, Policy, PolicyError, SecurityConfig,
};
use m2m_engine::{Algorithm, Config, Engine, Inbound, OpenError, Outbound};

const REQUEST: &[u8] = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Which trains go from Utrecht to Ghent tomorrow morning, and which of them need no change?"}]}"#;
const MODES: [Mode; 2] = [Mode::Hmac, Mode::Aead];

fn key(id: &str, mode: Mode, byte: u8) -> Key {
    Key::new(id, mode, KeyMaterial::from([byte; 32])).unwrap()
}

fn config(mode: Mode) -> SecurityConfig {
    SecurityConfig::new(Keyring::new(key("k1", mode, 1)))
}

fn engine(security: SecurityConfig) -> Engine {
    Engine::new(Config { security: Some(security), ..Config::default() }).unwrap()
}

fn with_policy(mode: Mode, policy: Policy) -> Engine {
    let danger = Danger { policy, ..Danger::default() };
    engine(SecurityConfig { danger, ..config(mode) })
}

fn forced(algorithm: Algorithm) -> Outbound<'static> {
    Outbound { algorithm: Some(algorithm), ..Outbound::default() }
}

/// A moment of 2026, and so many seconds later.
fn at(seconds: u64) -> Option<SystemTime> {
    Some(UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds))
}

/// A message on its way: bytes and headers.
struct Message {
    bytes: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Message {
    fn wrapped(engine: &Engine, payload: &[u8], outbound: &Outbound<'_>) -> Self {
        let wrapped = engine.wrap(payload, outbound).unwrap();
        Self { headers: wrapped.headers, bytes: wrapped.bytes.into_owned() }
    }

    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(known, _)| *known == name).unwrap().1
    }

    fn open(&self, engine: &Engine, inbound: &Inbound<'_>) -> Result<Vec<u8>, OpenError> {
        open(engine, &self.bytes, &self.headers, inbound)
    }
}

fn open(
    engine: &Engine,
    bytes: &[u8],
    headers: &[(&'static str, String)],
    inbound: &Inbound<'_>,
) -> Result<Vec<u8>, OpenError> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let opened = engine.open(bytes, &Inbound { headers: &headers, ..*inbound })?;
    Ok(opened.payload.into_owned())
}

fn policy(error: &OpenError) -> PolicyError {
    match error {
        OpenError::Policy(error) => *error,
        error => panic!("not refused by the policy: {error}"),
    }
}
