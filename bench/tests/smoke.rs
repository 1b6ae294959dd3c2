//! That the measurements run, on a few messages: their figures mean nothing here.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::process::Command;

/// Runs a part, and gives the table that it writes.
fn table(part: &str) -> String {
    let out = std::env::temp_dir().join(format!("m2m-bench-smoke-{}-{part}", std::process::id()));
    let run = Command::new(env!("CARGO_BIN_EXE_m2m-bench"))
        .args([part, "--smoke", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{part}: {told}");
    let table = std::fs::read_to_string(out.join(format!("{part}.md"))).unwrap();
    std::fs::remove_dir_all(&out).unwrap();
    table
}

#[test]
fn the_codec_is_measured_against_the_reference() {
    assert!(table("codec").contains("requests"));
}

#[test]
fn screening_is_measured_against_the_reference() {
    assert!(table("scan").contains("requests"));
}

#[test]
fn signing_and_encrypting_are_measured_against_the_primitives() {
    assert!(table("secure").contains("unseal 16 KB"));
}

#[test]
fn the_relay_is_measured_against_bare_clients() {
    assert!(table("relay").contains("JetStream"));
}
