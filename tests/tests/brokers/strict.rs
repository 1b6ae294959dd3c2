//! The strictest engine, for what keys change on one broker alone.

use std::sync::Arc;

use anyhow::Result;
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, Replay, SecurityConfig};
use m2m_engine::{Config, Engine};

/// An engine that requires a signature, knows each message by its destination, and takes none in twice.
pub(crate) fn engine() -> Result<Arc<Engine>> {
    let key = Key::new("strict", Mode::Hmac, KeyMaterial::from([3; KeyMaterial::LEN]))?;
    let security = SecurityConfig {
        replay: Some(Replay::default()),
        bind_destination: true,
        ..SecurityConfig::new(Keyring::new(key))
    };
    Ok(Arc::new(Engine::new(Config { security: Some(security), ..Config::default() })?))
}
