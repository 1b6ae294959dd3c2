//! Kafka: configurations by librdkafka's names.

use m2m_kafka::rdkafka::ClientConfig;
use m2m_kafka::{KafkaSinkConfig, KafkaSourceConfig};

use crate::config::{Bus, Mechanism, Start};
use crate::route::Route;

pub(super) fn client(bus: &Bus, bridge: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bus.url.hosts()).set("client.id", bridge);
    let tls = bus.url.tls() || bus.tls.is_some();
    let protocol = match (bus.user.is_some(), tls) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let (Some(user), Some(password)) = (&bus.user, &bus.password) {
        let mechanism = bus.mechanism.unwrap_or(Mechanism::Plain).as_str();
        config.set("sasl.mechanism", mechanism);
        config.set("sasl.username", user).set("sasl.password", password.expose());
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
