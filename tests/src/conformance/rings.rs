//! Keys, and engines that have them.

use std::sync::Arc;

use anyhow::Result;
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, Replay, SecurityConfig};
use m2m_engine::{Config, Engine};

/// The same key for the same id and mode, and another for any other.
pub(super) fn key(id: &str, mode: Mode) -> Result<Key> {
    let material = KeyMaterial::from([7; KeyMaterial::LEN]);
    Ok(Key::new(id, mode, material.derive(format!("{id} {mode}").as_bytes()))?)
}

/// With keys, and everything else by default: security is required.
pub(super) fn requiring(keys: Keyring) -> SecurityConfig {
    SecurityConfig::new(keys)
}

/// With a signing key, and against replays.
pub(super) fn remembering() -> Result<SecurityConfig> {
    let config = SecurityConfig::new(Keyring::new(key("signs", Mode::Hmac)?));
    Ok(SecurityConfig { replay: Some(Replay::default()), ..config })
}

pub(super) fn engine(security: SecurityConfig) -> Result<Arc<Engine>> {
    let config = Config { security: Some(security), ..Config::default() };
    Ok(Arc::new(Engine::new(config)?))
}
