//! The files of `docker/`, as far as they can be judged without a Docker daemon.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use m2m_bridge::config::Otherwise;
use m2m_bridge::{Config, route};
use serde_json::Value;

fn docker() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker")
}

fn read(name: &str) -> String {
    fs::read_to_string(docker().join(name)).unwrap()
}

fn compose() -> Value {
    serde_saphyr::from_str(&read("compose.yaml")).unwrap()
}

/// The example configuration, with what the compose file sets: a variable that it does not set is an error.
fn example() -> Config {
    let mut text = read("bridge.toml");
    for (name, value) in compose()["services"]["bridge"]["environment"].as_object().unwrap() {
        text = text.replace(&format!("${{{name}}}"), value.as_str().unwrap());
    }
    Config::parse("bridge.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_example_configuration_is_accepted() {
    let config = example();
    let routes = route::compile(&config).unwrap_or_else(|error| panic!("{error}"));
    let words = route::explain(&config, &routes).to_string();
    for route in &config.routes {
        assert!(words.contains(route.get_ref().name.get_ref()), "{words}");
    }
}

#[test]
fn every_broker_is_pinned_and_health_checked_and_the_bridge_waits_for_it() {
    let compose = compose();
    let services = compose["services"].as_object().unwrap();
    let waits = services["bridge"]["depends_on"].as_object().unwrap();
    for (name, service) in services.iter().filter(|(name, _)| *name != "bridge") {
        let (_, tag) = service["image"].as_str().unwrap().split_once(':').unwrap();
        let version: Vec<&str> = tag.split(['.', '-']).take(3).collect();
        assert!(
            version.len() == 3 && version.iter().all(|part| part.parse::<u32>().is_ok()),
            "{name}: {tag}"
        );
        let once = service.get("healthcheck").is_none();
        let condition = if once { "service_completed_successfully" } else { "service_healthy" };
        assert_eq!(waits[name]["condition"], condition, "{name}");
        for port in service.get("ports").and_then(Value::as_array).into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
    assert_eq!(services.len(), 5);
}

#[test]
fn what_is_mounted_and_built_is_there() {
    let compose = compose();
    for service in compose["services"].as_object().unwrap().values() {
        for volume in service.get("volumes").and_then(Value::as_array).into_iter().flatten() {
            let (from, _) = volume.as_str().unwrap().split_once(':').unwrap();
            match from.strip_prefix("./") {
                Some(file) => assert!(docker().join(file).is_file(), "{file}"),
                None => assert!(compose["volumes"].get(from).is_some(), "{from}"),
            }
        }
    }
    let build = &compose["services"]["bridge"]["build"];
    let context = docker().join(build["context"].as_str().unwrap());
    assert!(context.join("Cargo.lock").is_file());
    assert!(context.join(build["dockerfile"].as_str().unwrap()).is_file());
}

#[test]
fn rabbitmq_has_the_queues_that_the_routes_name() {
    let definitions: Value = serde_json::from_str(&read("rabbitmq.json")).unwrap();
    let names = |list: &str| -> BTreeSet<String> {
        let items = definitions[list].as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let config = example();
    let mut named = BTreeSet::new();
    for route in config.routes.iter().map(|route| route.get_ref()) {
        named.extend(route.from.get_ref().queue.clone());
        let otherwise = match route.otherwise.as_ref().map(|otherwise| otherwise.get_ref()) {
            Some(Otherwise::To(to)) => Some(&**to),
            _ => None,
        };
        let to = route.to.iter().chain(&route.dead_letter).map(|to| to.get_ref()).chain(otherwise);
        named.extend(to.filter_map(|to| to.queue.as_ref()).map(|queue| queue.get_ref().clone()));
    }
    assert!(!named.is_empty());
    assert_eq!(names("queues"), named);
    let user = compose()["services"]["bridge"]["environment"]["RABBITMQ_USER"].clone();
    assert!(names("users").contains(user.as_str().unwrap()));
}
