//! Kafka: configurations by librdkafka's names.

use m2m_kafka::rdkafka::ClientConfig;
use m2m_kafka::{KafkaSinkConfig, KafkaSourceConfig};

use crate::config::{Bus, Mechanism, Secret, Start};
use crate::route::Route;

pub(super) fn client(bus: &Bus, bridge: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bus.url.hosts()).set("client.id", bridge);
    let tls = bus.url.tls() || bus.tls.is_some();
    let credentials = bus.credentials();
    let protocol = match (credentials.is_some(), tls) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some((user, password)) = credentials {
        let mechanism = bus.mechanism.unwrap_or(Mechanism::Plain).as_str();
        config.set("sasl.mechanism", mechanism).set("sasl.username", user);
        config.set("sasl.password", password.as_ref().map_or("", Secret::expose));
    }
    if let Some(tls) = &bus.tls {
        for (name, file) in [
            ("ssl.ca.location", &tls.ca_file),
            ("ssl.certificate.location", &tls.cert_file),
            ("ssl.key.location", &tls.key_file),
        ] {
            if let Some(file) = file {
                config.set(name, file.to_string_lossy());
            }
        }
    }
    for (name, value) in &bus.properties {
        config.set(name, value.expose());
    }
    config
}

pub(super) fn source_client(bus: &Bus, bridge: &str, group: &str, start: Start) -> ClientConfig {
    let mut config = client(bus, bridge);
    config.set("group.id", group);
    config.set(
        "auto.offset.reset",
        match start {
            Start::Earliest => "earliest",
            Start::Latest => "latest",
        },
    );
    config
}

pub(super) fn source(route: &Route, topics: &[String]) -> KafkaSourceConfig {
    KafkaSourceConfig {
        topics: topics.to_vec(),
        // What is acknowledged and not yet committed counts too, and must not hold the relay up.
        window: 2 * route.in_flight,
        window_bytes: route.in_flight_bytes,
        ..KafkaSourceConfig::default()
    }
}

pub(super) fn sink() -> KafkaSinkConfig {
    KafkaSinkConfig::default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;
    use crate::Config;

    fn client_of(text: &str) -> ClientConfig {
        let config = Config::parse("bridge.toml", &format!("[buses.k]\n{text}")).unwrap();
        client(config.buses.get("k").unwrap().get_ref(), "edge")
    }

    #[test]
    fn security_follows_from_what_is_given() {
        for (text, protocol) in [
            ("url = 'kafka://h1:9092,h2:9092'", "plaintext"),
            ("url = 'kafkas://h1:9092,h2:9092'", "ssl"),
            ("url = 'kafka://h1:9092,h2:9092'\ntls.ca_file = 'ca.pem'", "ssl"),
            ("url = 'kafka://h1:9092,h2:9092'\nuser = 'u'\npassword = 'p'", "sasl_plaintext"),
            ("url = 'kafkas://u:p%40@h1:9092,h2:9092'", "sasl_ssl"),
        ] {
            let client = client_of(text);
            assert_eq!(client.get("bootstrap.servers"), Some("h1:9092,h2:9092"), "{text}");
            assert_eq!(client.get("security.protocol"), Some(protocol), "{text}");
        }
    }

    #[test]
    fn credentials_certificates_and_properties_reach_the_client() {
        let client = client_of(
            "url = 'kafkas://u:p%40@h'\nmechanism = 'SCRAM-SHA-512'\nproperties = { 'linger.ms' = '5', 'client.id' = 'x' }\n\
             tls = { ca_file = 'ca', cert_file = 'cert', key_file = 'key' }",
        );
        for (name, value) in [
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "u"),
            ("sasl.password", "p@"),
            ("ssl.ca.location", "ca"),
            ("ssl.certificate.location", "cert"),
            ("ssl.key.location", "key"),
            ("linger.ms", "5"),
            ("client.id", "x"),
        ] {
            assert_eq!(client.get(name), Some(value), "{name}");
        }
    }
}
