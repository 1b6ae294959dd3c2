//! `[buses.NAME]`: one broker, and how to be let in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer};

use super::Secret;

/// One bus. Which keys make sense depends on the URL's scheme; [`crate::route`] refuses the others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Bus {
    /// Where it is.
    pub url: BusUrl,
    /// User name (NATS, Kafka, AMQP); outranks the one in the URL.
    pub user: Option<String>,
    /// Password for `user`.
    pub password: Option<Secret>,
    /// Token (NATS).
    pub token: Option<Secret>,
    /// Credentials file as `nsc` writes it (NATS).
    pub creds_file: Option<PathBuf>,
    /// NKey seed (NATS).
    pub nkey: Option<Secret>,
    /// SASL mechanism (Kafka); `PLAIN` unless told otherwise, where a user is given.
    pub mechanism: Option<Mechanism>,
    /// Certificates; without them a TLS connection trusts the system's.
    pub tls: Option<Tls>,
    /// Client properties by librdkafka's names (Kafka).
    #[serde(default)]
    pub properties: BTreeMap<String, Secret>,
    /// How many messages a queue group holds before publishers wait (memory).
    pub capacity: Option<usize>,
}

impl Bus {
    /// User name and password: those of their own keys, else those of the URL. A password is absent where the URL has only a token.
    pub(crate) fn credentials(&self) -> Option<(String, Option<Secret>)> {
        match (&self.user, &self.password) {
            (Some(user), password) => Some((user.clone(), password.clone())),
            (None, _) => self.url.credentials(),
        }
    }
}

/// Certificates in PEM.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Tls {
    /// Authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The bridge's own certificate.
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
}

/// SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Mechanism {
    /// RFC 4616; only sensible over TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// RFC 7677.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// RFC 7677, with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Mechanism {
    /// Its registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What speaks at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BusKind {
    /// Within this process.
    Memory,
    /// NATS, core or JetStream.
    Nats,
    /// Kafka.
    Kafka,
    /// RabbitMQ and others that speak AMQP 0-9-1.
    Amqp,
}

impl fmt::Display for BusKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Nats => "NATS",
            Self::Kafka => "Kafka",
            Self::Amqp => "AMQP",
        })
    }
}

/// Where a bus is. Printed without user name and password.
#[derive(Clone)]
pub struct BusUrl {
    kind: BusKind,
    raw: Secret,
}

impl BusUrl {
    /// The scheme of each kind; a TLS variant goes with its plain one.
    const SCHEMES: [(&str, BusKind); 9] = [
        ("memory", BusKind::Memory),
        ("nats", BusKind::Nats),
        ("tls", BusKind::Nats),
        ("ws", BusKind::Nats),
        ("wss", BusKind::Nats),
        ("kafka", BusKind::Kafka),
        ("kafkas", BusKind::Kafka),
        ("amqp", BusKind::Amqp),
        ("amqps", BusKind::Amqp),
    ];

    /// Reads `SCHEME://…`; `None` for an unknown scheme or nothing after it.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (_, kind) = Self::SCHEMES.into_iter().find(|(name, _)| *name == scheme)?;
        (!rest.is_empty()).then(|| Self { kind, raw: url.to_owned().into() })
    }

    /// What speaks there.
    #[must_use]
    pub fn kind(&self) -> BusKind {
        self.kind
    }

    /// Whether the scheme asks for TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        matches!(self.scheme(), "tls" | "wss" | "kafkas" | "amqps")
    }

    /// The URL as written, secrets included, to hand to a client.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.raw.expose()
    }

    /// All that follows the scheme and a user name and password.
    #[must_use]
    pub fn hosts(&self) -> &str {
        let rest = self.expose().split_once("://").map_or("", |(_, rest)| rest);
        // From the last `@`: a password may hold one that somebody forgot to escape.
        let rest = rest.rfind('@').and_then(|at| rest.get(at + 1..)).unwrap_or(rest);
        rest.split(['?', '#']).next().unwrap_or(rest)
    }

    fn credentials(&self) -> Option<(String, Option<Secret>)> {
        let rest = self.expose().split_once("://").map_or("", |(_, rest)| rest);
        // Of several servers, the first one's.
        let (info, _) = rest.split(',').next()?.rsplit_once('@')?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(match info.split_once(':') {
            Some((user, password)) => (decoded(user), Some(decoded(password).into())),
            None => (decoded(info), None),
        })
    }

    fn scheme(&self) -> &str {
        self.expose().split_once("://").map_or("", |(scheme, _)| scheme)
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.hosts())
    }
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for BusUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| {
            let schemes: Vec<&str> = Self::SCHEMES.into_iter().map(|(name, _)| name).collect();
            // The text itself stays out: it may hold a password.
            serde::de::Error::custom(format_args!(
                "not the URL of a bus: it begins with {}, followed by ://",
                schemes.join(", ")
            ))
        })
    }
}
