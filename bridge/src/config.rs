//! What a bridge is told: the TOML file as plain data. [`crate::route`] gives it meaning.
//!
//! Every table refuses keys that it does not know; the error names the file, the line and the nearest valid key. `${NAME}` in any string stands for an
//! environment variable and `${file:PATH}` for a file's content without its last line break; `$${` stands for `${` itself.

mod bus;
mod error;
mod expand;
mod read;
mod route;
mod secret;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

pub use bus::{Bus, BusKind, BusUrl, Mechanism, Tls};
pub use error::{ConfigError, Place, Problem};
pub use read::Origin;
pub use route::{Destination, Match, Otherwise, Retry, Route, Source, Start};
pub use secret::Secret;

pub(crate) use error::nearest;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This bridge's name in the loop guard's header; replicas that share their sources share it. `m2m-bridge` unless told otherwise.
    #[serde(default = "default_name")]
    pub name: Spanned<String>,
    /// What goes to the log.
    #[serde(default)]
    pub log: Log,
    /// How long what is in flight may take to finish after a signal; 30 s unless told otherwise.
    #[serde(default = "default_shutdown_timeout", deserialize_with = "duration")]
    pub shutdown_timeout: Duration,
    /// Buses by the names that routes use.
    pub buses: BTreeMap<String, Spanned<Bus>>,
    /// From where to where.
    #[serde(default)]
    pub routes: Vec<Spanned<Route>>,
    /// The file that this was read from.
    #[serde(skip)]
    pub origin: Origin,
}

/// What goes to the log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How often each route's counters are logged; 60 s unless told otherwise.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
}

impl Default for Log {
    fn default() -> Self {
        Self { interval: Duration::from_secs(60) }
    }
}

fn default_name() -> Spanned<String> {
    Spanned::new(0..0, "m2m-bridge".to_owned())
}

fn default_shutdown_timeout() -> Duration {
    Duration::from_secs(30)
}

/// A duration in words: `"250ms"`, `"30s"`, `"5min"`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}
