//! The real binary, run as a script runs it: bytes in, bytes out, exit codes and messages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "cli/analyze.rs"]
mod analyze;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/inspect.rs"]
mod inspect;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/round_trip.rs"]
mod round_trip;
#[path = "cli/scan.rs"]
mod scan;
#[path = "cli/secured.rs"]
mod secured;
#[cfg(unix)]
#[path = "cli/terminal.rs"]
mod terminal;

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

const REQUEST: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"Weather in Paris?"}],"max_tokens":300,"tools":[{"type":"function","function":{"name":"weather"}}]}"#;

/// Runs `m2m` to its end.
fn m2m<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_m2m"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // Beside the reading, so that neither waits for the other. A command that refuses its arguments reads nothing: no error here.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What `m2m` writes, where it is to succeed and have nothing to say.
fn stdout<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, stdin: &[u8]) -> Vec<u8> {
    let output = m2m(args, stdin);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    output.stdout
}

fn json<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, stdin: &[u8]) -> serde_json::Value {
    serde_json::from_slice(&stdout(args, stdin)).unwrap()
}

/// What the reference implementation wrote: messages only.
fn vectors() -> Vec<serde_json::Value> {
    let lines = include_str!("../../engine/tests/vectors/interop.jsonl").lines();
    let vectors = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let messages: Vec<_> = vectors.filter(|vector| vector.get("m2m").is_some()).collect();
    assert_eq!(messages.len(), 18);
    messages
}

fn bytes(hex: &serde_json::Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = String::from_utf8(stdout(["completions", shell], b"")).unwrap();
        assert!(script.contains("decompress") && script.contains("tokenizer"), "{shell}");
    }
}

#[test]
fn help_tells_the_exit_codes() {
    let help = String::from_utf8(stdout(["--help"], b"")).unwrap();
    assert!(help.contains("Exit status:\n  0  done"), "{help}");
    let version = String::from_utf8(stdout(["--version"], b"")).unwrap();
    assert_eq!(version, format!("m2m {}\n", env!("CARGO_PKG_VERSION")));
}
