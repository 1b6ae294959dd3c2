//! That the measurements run, on a few messages: their figures mean nothing here.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::io::Write as _;
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

/// Allocations are those of this build; a machine without valgrind says so.
#[test]
fn hot_paths_are_counted() {
    let target = std::env::temp_dir().join(format!("m2m-bench-micro-{}", std::process::id()));
    let run = Command::new(env!("CARGO_BIN_EXE_micro"))
        .arg("--smoke")
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    let (told, failed) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{failed}");
    let table = std::fs::read_to_string(target.join("bench/smoke/micro.md")).unwrap();
    std::fs::remove_dir_all(&target).unwrap();
    let cells = |path: &str| -> Vec<String> {
        let row = table.lines().find(|line| line.trim_start_matches("| ").starts_with(path));
        row.unwrap().split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    assert_eq!(cells("peek request")[4], "0", "{table}");
    assert_ne!(cells("wrap request 2 KB")[4], "0", "{table}");
    let instructions = cells("wrap, stored, 100 B")[6].parse::<u64>();
    if told.contains("valgrind is not installed") {
        // By the test's output, not by the macros that the test harness keeps to itself.
        writeln!(std::io::stderr(), "valgrind is not installed: no instructions counted").unwrap();
        assert!(instructions.is_err(), "{table}");
    } else {
        assert!(instructions.unwrap() > 1_000, "{table}");
    }
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

#[test]
fn the_adapters_overhead_is_measured_against_bare_clients() {
    let table = table("overhead");
    for broker in ["JetStream", "Kafka", "RabbitMQ"] {
        assert!(table.contains(broker), "{table}");
    }
}
