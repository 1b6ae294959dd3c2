//! The program as a user meets it: what it prints and how it exits.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::Write;
use std::process::{Command, Output};

fn bridge(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_m2m-bridge"));
    command.args(arguments);
    for (name, value) in [
        ("NATS_HOST", "nats"),
        ("KAFKA_HOST", "kafka"),
        ("RABBITMQ_HOST", "rabbitmq"),
        ("RABBITMQ_USER", "bridge"),
        ("RABBITMQ_PASSWORD", "hunter2"),
    ] {
        command.env(name, value);
    }
    command
}

fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/bridge.toml");

#[test]
fn an_invalid_configuration_is_refused_with_every_problem() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let route = |name: &str| {
        format!(
            "[[routes]]\nname = '{name}'\nfrom = {{ bus = 'm', subject = 's', queue_group = 'g' }}\nto = [{{ when = 'modl == \"\"', bus = 'm', subject = 'x' }}]\n"
        )
    };
    write!(file, "[buses.m]\nurl = 'memory://m'\n{}{}", route("a"), route("a")).unwrap();
    let name = file.path().to_str().unwrap();
    for command in ["check", "run"] {
        let output = bridge(&[command, name]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let text = text(&output);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines.iter().all(|line| line.starts_with(name)), "{text}");
        assert!(
            text.contains(":6: `when`: no message has a `modl`; did you mean `model`?"),
            "{text}"
        );
        assert!(text.contains(":8: there is a route `a` already"), "{text}");
    }
}

#[test]
fn what_is_missing_is_said_in_one_line() {
    let output = bridge(&["check", EXAMPLE]).env_remove("RABBITMQ_PASSWORD").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output);
    assert!(message.contains("bridge.toml:"), "{message}");
    assert!(
        message.contains("`RABBITMQ_PASSWORD` is not set (in `buses.rabbit.password`)"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1);

    let output = bridge(&["run", "/no/such/file.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).starts_with("cannot read /no/such/file.toml: No such file"));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in [&[][..], &["check"], &["relay"], &["run", "x", "--log", "xml"]] {
        let output = bridge(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let output = bridge(&["--help"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("Exit codes"));
}

/// It says so in its log, here in JSON, and fails.
#[test]
fn a_route_that_can_never_work_ends_the_bridge() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = "[buses.m]\nurl = 'memory://m'\n[[routes]]\nname = 'a'\nfrom = { bus = 'm', subject = 'no..subject', queue_group = 'g' }\n\
        to = [{ bus = 'm', subject = 'x' }]\nretry = { min_backoff = '1ms', max_backoff = '2ms' }\n";
    file.write_all(text.as_bytes()).unwrap();
    let output = bridge(&["run", file.path().to_str().unwrap(), "--log", "json"]).output().unwrap();
    let text = self::text(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(output.stdout.is_empty());
    let (log, last) = text.trim_end().rsplit_once('\n').unwrap_or_default();
    assert!(last.contains("the source of route a cannot be read"), "{text}");
    assert!(log.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{log}");
    assert!(log.contains(r#""messaging.client.consumed.messages":0"#), "{log}");
}
