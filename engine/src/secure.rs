//! Step 4. In: Encoded. Out: Secured. Next: frame. And back: what a secured frame holds is looked at after its tag was checked, not before.

mod closing;
mod config;
pub mod exchange;
pub mod hierarchy;
mod incoming;
mod keyring;
pub mod keys;
mod policy;
mod replay;
pub(crate) mod seal;
mod stamp;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub(crate) use closing::Seal;
pub use config::{Danger, Policy, Replay, SecurityConfig};
pub use exchange::{ExchangeError, PublicKey, SecretKey};
pub use hierarchy::{Hierarchy, IdError, Purpose};
pub(crate) use incoming::Sealed;
pub use keyring::{Key, Keyring, KeyringError, Mode};
pub use keys::{KeyError, KeyMaterial, NoRandomness};
pub use policy::PolicyError;

use self::replay::Window;
use self::stamp::{Of, Stamp};
use crate::bus::headers;
use crate::config::ConfigError;
use crate::encode::{Algorithm, Content, Encoded};
use crate::flow::{Outbound, WrapError};

/// What is ready to be written, and what closes it, if anything does.
#[derive(Debug)]
pub(crate) struct Secured<'a> {
    pub(crate) encoded: Encoded<'a>,
    pub(crate) seal: Option<Seal>,
}

/// Secures what goes out and judges what comes in. An engine without keys has none.
#[derive(Debug)]
pub(crate) struct Guard {
    config: SecurityConfig,
    /// Apart from the configuration's, as they can be replaced.
    keys: RwLock<Arc<Keyring>>,
    window: Option<Mutex<Window>>,
    repeated: AtomicU64,
}

impl Guard {
    pub(crate) fn new(config: &SecurityConfig) -> Result<Self, ConfigError> {
        if let Some(value) = config.padding.filter(|value| !(64..=65_536).contains(value)) {
            return Err(ConfigError::Padding { value });
        }
        check_padding(config, &config.keys)?;
        Ok(Self {
            keys: RwLock::new(Arc::new(config.keys.clone())),
            window: config.replay.map(|replay| Mutex::new(Window::new(replay))),
            config: config.clone(),
            repeated: AtomicU64::new(0),
        })
    }

    pub(crate) fn replace_keys(&self, keys: Keyring) -> Result<(), ConfigError> {
        check_padding(&self.config, &keys)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many messages were refused because they came before.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Whether what is not secured is refused.
    pub(crate) fn requires(&self) -> bool {
        self.config.danger.policy == Policy::Require
    }

    /// Whether what can be secured is: then every payload goes into a frame.
    pub(crate) fn secures(&self) -> bool {
        self.config.secures()
    }

    fn stamps(&self) -> bool {
        self.config.replay.is_some() || self.config.bind_destination
    }

    /// Marks what is to be secured, and gets ready what will close it.
    pub(crate) fn secure<'a>(
        &self,
        mut encoded: Encoded<'a>,
        outbound: &Outbound<'_>,
    ) -> Result<Secured<'a>, WrapError> {
        let header = match &mut encoded.content {
            _ if !self.secures() => None,
            Content::M2m { header, .. } => Some(header),
            Content::Stored(_) | Content::TokenNative { .. } | Content::Brotli(_) => None,
        };
        let Some(header) = header else {
            let algorithm = encoded.content.algorithm();
            self.admit_unsecured(algorithm)?;
            return Ok(Secured { encoded, seal: None });
        };
        let key = Arc::clone(self.keys().active());
        header.security = key.mode().into();
        let (mut nonce, mut stamp) = ([0; seal::NONCE], None);
        if key.mode() == Mode::Aead {
            keys::random(&mut nonce)?;
        }
        if self.stamps() {
            stamp = Some(Self::stamp(&key, outbound, self.config.bind_destination)?);
        }
        Ok(Secured { encoded, seal: Some(Seal { key, nonce, stamp }) })
    }

    /// Refuses to send what is not secured, if messages must be.
    pub(crate) fn admit_unsecured(&self, algorithm: Algorithm) -> Result<(), WrapError> {
        if self.requires() { Err(WrapError::Unsecured { algorithm }) } else { Ok(()) }
    }

    /// The headers for a null payload.
    pub(crate) fn secure_null(
        &self,
        outbound: &Outbound<'_>,
    ) -> Result<Vec<(&'static str, String)>, WrapError> {
        if !self.secures() {
            return Ok(Vec::new());
        }
        let keys = self.keys();
        let key = keys.active();
        let stamp = Self::stamp(key, outbound, true)?;
        Ok(vec![
            (headers::KEY_ID, key.id().to_owned()),
            (headers::STAMP, stamp.write(key, Of::Null)),
        ])
    }

    fn stamp(key: &Key, outbound: &Outbound<'_>, bound: bool) -> Result<Stamp, WrapError> {
        let time = stamp::millis(outbound.time.ok_or(WrapError::TimeMissing)?);
        let mut id = [0; 16];
        keys::random(&mut id)?;
        let place = bound.then(|| stamp::place(key, outbound.destination, outbound.key));
        Ok(Stamp { time, id, place })
    }
}

/// What is signed can be read, its length too.
fn check_padding(config: &SecurityConfig, keys: &Keyring) -> Result<(), ConfigError> {
    if config.padding.is_some() && keys.active().mode() != Mode::Aead {
        return Err(ConfigError::PaddingOfText);
    }
    Ok(())
}
