#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::path::PathBuf;

use super::{Config, ConfigError};

fn read(text: &str) -> Result<Config, ConfigError> {
    let variables = |name: &str| (name == "PASSWORD").then(|| "hunter2".to_owned());
    Config::read("bridge.toml", text, PathBuf::new(), &variables)
}

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    let message = refused("name = 'edge'\n\n[buses.n]\nurl = 'nats://h'\nuzer = 'u'\n");
    assert!(
        message.starts_with("bridge.toml:5: unknown key `uzer`; did you mean `user`?"),
        "{message}"
    );
    let message = refused("[buses.n]\nurl = 'nats://h'\n[[routes]]\nname = 'r'\nmatch = 'frist'\n");
    assert!(
        message.starts_with("bridge.toml:5: unknown word `frist`; did you mean `first`?"),
        "{message}"
    );
    let route = "[buses.n]\nurl = 'nats://h'\n[[routes]]\nname = 'r'\nto = []\nfrom = { bus = 'n', strem = 's' }\n";
    let message = refused(route);
    assert!(
        message.starts_with("bridge.toml:6: unknown key `strem`; did you mean `stream`?"),
        "{message}"
    );
    let message = refused(&route.replace("strem = 's' }", "stream = 's' }\notherwise = 'dorp'"));
    assert!(
        message.starts_with("bridge.toml:7: unknown word `dorp`; did you mean `drop`?"),
        "{message}"
    );
    let message = refused(
        &route.replace("strem = 's' }", "stream = 's' }\notherwise = { bus = 'n', topik = 'x' }"),
    );
    assert!(
        message.starts_with("bridge.toml:7: unknown key `topik`; did you mean `topic`?"),
        "{message}"
    );
}

#[test]
fn what_does_not_parse_is_placed() {
    let message = refused("[buses.n]\nurl = 'nats://h\n");
    assert!(message.starts_with("bridge.toml:2: "), "{message}");
    let message = refused("shutdown_timeout = 'soon'\n[buses]");
    assert!(message.starts_with("bridge.toml:1: "), "{message}");
    let message = refused("name = 'x'\n");
    assert!(message.contains("buses"), "{message}");
}

#[test]
fn secrets_come_from_the_environment_and_from_files_and_are_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "t0ps3cret\n").unwrap();
    let text = "[buses.n]\nurl = 'nats://me:${PASSWORD}@h:4222/x?key=hunter2'\npassword = '${PASSWORD}'\ntoken = '${file:token}'\n\
        [buses.n.tls]\nca_file = 'ca.pem'\n\
        [buses.k]\nurl = 'kafka://h'\nproperties = { 'sasl.password' = 'a$${PASSWORD}${PASSWORD}b' }\n";
    let variables = |name: &str| (name == "PASSWORD").then(|| "hunter2".to_owned());
    let config = Config::read("bridge.toml", text, folder.path().to_owned(), &variables).unwrap();
    let bus = config.buses["n"].get_ref();
    assert_eq!(bus.url.expose(), "nats://me:hunter2@h:4222/x?key=hunter2");
    assert_eq!(bus.url.to_string(), "nats://h:4222/x");
    assert_eq!(bus.password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(bus.token.as_ref().unwrap().expose(), "t0ps3cret");
    assert_eq!(bus.tls.as_ref().unwrap().ca_file.as_ref().unwrap(), &folder.path().join("ca.pem"));
    assert_eq!(
        config.buses["k"].get_ref().properties["sasl.password"].expose(),
        "a${PASSWORD}hunter2b"
    );
    let printed = format!("{config:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("t0ps3cret"), "{printed}");
}

#[test]
fn what_is_missing_is_named_with_line_and_key() {
    assert_eq!(
        refused("[buses.n]\nurl = 'nats://h'\npassword = '${NOT_SET}'\n"),
        "bridge.toml:3: environment variable `NOT_SET` is not set (in `buses.n.password`)"
    );
    let message = refused("[buses.n]\nurl = 'nats://h'\npassword = '${file:/not/there}'\n");
    assert!(message.starts_with("bridge.toml:3: cannot read /not/there"), "{message}");
    let message = refused("[buses.n]\nurl = 'nats://${PASSWORD'\n");
    assert!(message.starts_with("bridge.toml:2: `${` without `}`"), "{message}");
}

#[test]
fn refusals_never_quote_a_value() {
    for text in [
        "[buses.n]\nurl = 'nats://me:hunter2@h'\npasword = 'hunter2'\n",
        "[buses.n]\nurl = 'natz://me:hunter2@h'\n",
        "[buses.n]\nurl = 'nats://h'\ntls = 'hunter2'\n",
        "[buses.n]\nurl = 'nats://h'\ncapacity = '${PASSWORD}'\n",
        "[buses.n]\nurl = 'kafka://h'\nmechanism = '${PASSWORD}'\n",
        "[buses.n]\nurl = 'nats://h'\npassword = ['hunter2']\n",
        "[log]\ninterval = '${PASSWORD}'\n[buses]\n",
        "[buses.n]\nurl = 'nats://h'\npassword = 'hunter2\n",
    ] {
        let error = read(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}
