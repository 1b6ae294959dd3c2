//! The example configuration, checked as a user would.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::process::Command;

#[test]
fn check_accepts_the_example_and_explains_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_m2m-bridge"))
        .args(["check", concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/bridge.toml")])
        .env("NATS_HOST", "nats")
        .env("KAFKA_HOST", "kafka")
        .env("RABBITMQ_HOST", "rabbitmq")
        .env("RABBITMQ_USER", "m2m")
        .env("RABBITMQ_PASSWORD", "not-to-be-printed")
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{err}");
    for words in ["agents", "tools", "again", "provider in ['openai', 'anthropic', 'google']"] {
        assert!(out.contains(words), "{words} is missing in:\n{out}");
    }
    assert!(!out.contains("not-to-be-printed") && !err.contains("not-to-be-printed"));
}
