#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use m2m_bridge::{Config, route};

use super::*;

#[test]
fn both_routes_files_lead_to_the_same_destinations() {
    let memory = Config::parse("memory.toml", include_str!("../../routes/memory.toml")).unwrap();
    let mut text = include_str!("../../routes/brokers.toml").to_owned();
    for (variable, value) in [
        ("DEMO_NATS_URL", "nats://127.0.0.1"),
        ("DEMO_KAFKA_URL", "kafka://127.0.0.1"),
        ("DEMO_AMQP_URL", "amqp://127.0.0.1"),
        ("DEMO_RUN", "demo"),
    ] {
        text = text.replace(&format!("${{{variable}}}"), value);
    }
    let brokers = Config::parse("brokers.toml", &text).unwrap();
    let rows = |config: &Config| -> Vec<(String, String)> {
        destinations(config).into_iter().map(|row| (row.name, row.condition)).collect()
    };
    assert_eq!(rows(&memory), rows(&brokers));
    assert_eq!(rows(&memory).len(), DESTINATIONS.len());
    assert_eq!(targets(&memory), DESTINATIONS);
    for config in [&memory, &brokers] {
        assert_eq!(route::compile(config).unwrap().len(), 1);
    }
    for (to, name) in destinations_of(&brokers).zip(DESTINATIONS) {
        let place = to.topic.as_ref().or(to.queue.as_ref()).unwrap();
        assert_eq!(place.get_ref(), &format!("demo.{name}"));
    }
}
