//! `[[routes]]`: from one source to destinations picked by conditions.

use std::fmt;
use std::time::Duration;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::duration;

/// One route.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Route {
    /// Its name, in the log and in the loop guard's header; unique within the file.
    pub name: Spanned<String>,
    /// Where messages come from.
    pub from: Spanned<Source>,
    /// Where they go.
    pub to: Vec<Spanned<Destination>>,
    /// Whether only the first destination whose condition holds gets a message, or all of them.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// What becomes of a message that no condition accepts; must be said where that can happen.
    pub otherwise: Option<Spanned<Otherwise>>,
    /// Where a message goes that can never be delivered.
    pub dead_letter: Option<Spanned<Destination>>,
    /// How many lanes messages are spread over by their order key; order holds within a lane. 4 unless told otherwise.
    #[serde(default = "default_lanes")]
    pub lanes: Spanned<usize>,
    /// How many messages may be read and not yet acknowledged; 1024 unless told otherwise.
    #[serde(default = "default_in_flight")]
    pub in_flight: Spanned<usize>,
    /// How many bytes of payload these may hold together; 64 MiB unless told otherwise.
    #[serde(default = "default_in_flight_bytes")]
    pub in_flight_bytes: Spanned<usize>,
    /// How a send that failed is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// How many hops a message may have behind it; 8 unless told otherwise.
    #[serde(default = "default_loop_limit")]
    pub loop_limit: usize,
    /// Whether this route drives dead letters again: the hops behind a message are forgotten.
    #[serde(default)]
    pub redrive: bool,
}

/// Where messages come from. Which keys make sense depends on the bus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Source {
    /// A bus by its name.
    pub bus: Spanned<String>,
    /// JetStream stream.
    pub stream: Option<String>,
    /// JetStream durable consumer; made where it is missing.
    pub durable: Option<String>,
    /// NATS subject, a core subscription's or a JetStream filter; the subject of a memory bus.
    pub subject: Option<String>,
    /// Several JetStream filters.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Queue group of a core NATS subscription or a memory bus.
    pub queue_group: Option<String>,
    /// Kafka topic.
    pub topic: Option<String>,
    /// Several Kafka topics.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Regular expression over Kafka's topics.
    pub pattern: Option<String>,
    /// Kafka consumer group.
    pub group: Option<String>,
    /// AMQP queue.
    pub queue: Option<String>,
    /// Where a new JetStream consumer or Kafka group begins; the earliest message unless told otherwise.
    pub start: Option<Start>,
}

/// Where a new consumer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// At the oldest message that the broker keeps.
    Earliest,
    /// At what comes after it was made.
    Latest,
}

/// Where messages go. Names and key are templates over the facts that conditions see.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Destination {
    /// CEL condition; absent, every message is accepted.
    pub when: Option<Spanned<String>>,
    /// A bus by its name.
    pub bus: Spanned<String>,
    /// NATS or memory subject.
    pub subject: Option<Spanned<String>>,
    /// Publishes to core NATS, which cannot confirm, instead of JetStream.
    #[serde(default)]
    pub core: bool,
    /// Kafka topic.
    pub topic: Option<Spanned<String>>,
    /// AMQP exchange.
    pub exchange: Option<Spanned<String>>,
    /// AMQP routing key.
    pub routing_key: Option<Spanned<String>>,
    /// AMQP queue, by way of the default exchange.
    pub queue: Option<Spanned<String>>,
    /// Message key in place of the source's; what renders empty is no key.
    pub key: Option<Spanned<String>>,
}

/// Which destinations get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// The first whose condition holds.
    #[default]
    First,
    /// All whose conditions hold.
    All,
}

/// What becomes of a message that no condition accepts.
#[derive(Debug, Clone)]
pub enum Otherwise {
    /// It is acknowledged and counted, and goes nowhere.
    Drop,
    /// It goes to the route's `dead_letter`.
    DeadLetter,
    /// It is handed back to the source, which delivers it again later.
    Nack,
    /// It goes there.
    To(Box<Destination>),
}

impl<'de> Deserialize<'de> for Otherwise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrTable;

        impl<'de> Visitor<'de> for WordOrTable {
            type Value = Otherwise;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"drop\", \"dead-letter\", \"nack\" or a destination")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Otherwise, E> {
                match word {
                    "drop" => Ok(Otherwise::Drop),
                    "dead-letter" => Ok(Otherwise::DeadLetter),
                    "nack" => Ok(Otherwise::Nack),
                    _ => Err(E::unknown_variant(word, &["drop", "dead-letter", "nack"])),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Otherwise, A::Error> {
                Destination::deserialize(MapAccessDeserializer::new(map))
                    .map(|destination| Otherwise::To(Box::new(destination)))
            }
        }

        deserializer.deserialize_any(WordOrTable)
    }
}

/// How a send that failed is tried again: after a pause that doubles from `min_backoff` to `max_backoff`, with jitter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Retry {
    /// After how many tries a message counts as undeliverable, not counting those that found no connection; 0 tries for ever. 100 unless
    /// told otherwise, a quarter of an hour with the default pauses.
    pub max_attempts: usize,
    /// The first pause; 100 ms unless told otherwise.
    #[serde(deserialize_with = "duration")]
    pub min_backoff: Duration,
    /// The longest pause; 10 s unless told otherwise.
    #[serde(deserialize_with = "duration")]
    pub max_backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 100,
            min_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
        }
    }
}

fn default_lanes() -> Spanned<usize> {
    Spanned::new(0..0, 4)
}

fn default_in_flight() -> Spanned<usize> {
    Spanned::new(0..0, 1024)
}

fn default_in_flight_bytes() -> Spanned<usize> {
    Spanned::new(0..0, 64 << 20)
}

fn default_loop_limit() -> usize {
    8
}
