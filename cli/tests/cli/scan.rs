use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{m2m, stdout};

const RULES: &str = r#"
[[rule]]
id = "treason"
category = "injection"
severity = 0.9
description = "A call to betray."
literals = ["betray"]
matches = ["now betray them"]
passes = ["be loyal to them"]

[[rule]]
id = "doubt"
category = "jailbreak"
severity = 0.5
description = "A weak sign."
literals = ["doubtful"]
matches = ["this is doubtful"]
passes = ["this is certain"]
"#;

/// A folder with a file of rules, its path, and those of more files.
fn files(contents: &[&str]) -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |(at, text): (usize, &&str)| {
        let path: PathBuf = folder.path().join(format!("file{at}"));
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let paths = contents.iter().enumerate().map(write).collect();
    (folder, paths)
}

/// The exit code, standard output and standard error of `m2m scan`.
fn scan(args: &[&str], stdin: &[u8]) -> (Option<i32>, String, String) {
    let output = m2m([&["scan"], args].concat(), stdin);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_argument_standard_input_and_files_are_judged() {
    let (_folder, paths) = files(&[RULES, "be kind", "[\"then betr\\u0061y them\"]"]);
    let rules = ["--rules", &paths[0]];
    let clean = (Some(0), "clean\n".to_owned(), String::new());
    assert_eq!(scan(&[&rules[..], &["be kind"]].concat(), b""), clean);
    assert_eq!(scan(&rules, b"be kind"), clean);
    let (code, out, err) = scan(&[&rules[..], &["now betray them"]].concat(), b"");
    assert_eq!((code, err.as_str()), (Some(1), ""));
    assert!(out.starts_with("flagged, score 0.90: treason (injection) at 4..10\n"), "{out}");
    let (code, out, _) = scan(&[&rules[..], &["-f", &paths[1], &paths[2]]].concat(), b"");
    assert_eq!(code, Some(1));
    assert!(out.starts_with(&format!("{}: clean\n{}: flagged", paths[1], paths[2])), "{out}");
    let (code, out, _) = scan(&[&rules[..], &["--json", "-f", &paths[2]]].concat(), b"");
    let finding = json!({"rule": "treason", "category": "injection", "severity": 0.9, "range": [7, 18], "pointer": "/0"});
    let expected =
        json!({"file": paths[2], "verdict": "flagged", "score": 0.9, "findings": [finding]});
    assert_eq!((code, lines(&out)), (Some(1), vec![expected]));
}

#[test]
fn the_threshold_decides_and_weak_findings_are_told() {
    let (_folder, paths) = files(&[RULES]);
    let judged = |threshold: &str| {
        let args = ["--rules", &paths[0], "--json", "--threshold", threshold, "how doubtful"];
        let (code, out, _) = scan(&args, b"");
        (code, lines(&out).remove(0))
    };
    let (code, verdict) = judged("0.8");
    assert_eq!(
        (code, &verdict["verdict"], &verdict["score"]),
        (Some(0), &json!("clean"), &json!(0.5))
    );
    assert_eq!(verdict["findings"][0]["rule"], "doubt");
    let (code, verdict) = judged("0.5");
    assert_eq!((code, &verdict["verdict"]), (Some(1), &json!("flagged")));
}

#[test]
fn a_frame_is_opened_first() {
    let (_folder, paths) = files(&[RULES]);
    let frame = stdout(["compress", "-a", "m2m"], "now betray them ".repeat(20).as_bytes());
    let (code, out, _) = scan(&["--rules", &paths[0]], &frame);
    assert!(code == Some(1) && out.starts_with("flagged, score 0.90: treason"), "{out}");
    let (code, out, err) = scan(&[], &frame[..30]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.starts_with("m2m: cannot scan the input: the frame cannot be read"), "{err}");
}

#[test]
fn a_structural_limit_is_blocked() {
    let (code, out, _) = scan(&["--json"], "[".repeat(40).as_bytes());
    let verdict = &lines(&out)[0];
    assert_eq!(
        (code, &verdict["verdict"], &verdict["score"]),
        (Some(1), &json!("blocked"), &json!(1.0))
    );
}

#[test]
fn records_are_judged_line_by_line() {
    let records = "{\"text\":\"be kind\"}\n\n{\"id\":1,\"text\":\"betr\\u0061y\",\"x\":[\"betray\"]}\n{\"text\":[\"be\",\"betray\"]}\n{\"event\":\"betray\"}\n";
    let deep = format!("{{\"text\":\"{}\"}}", "[".repeat(40));
    let (_folder, paths) = files(&[RULES, &format!("{records}{deep}")]);
    let args = ["--rules", &paths[0], "--jsonl", &paths[1]];
    let (code, out, err) = scan(&[&args[..], &["--json"]].concat(), b"");
    assert_eq!((code, err.as_str()), (Some(1), ""));
    let told: Vec<_> = lines(&out)
        .into_iter()
        .map(|line| {
            let finding = &line["findings"][0];
            json!([line["line"], line["verdict"], finding["range"], finding["pointer"]])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!([1, "clean", null, null]),
            json!([3, "flagged", [0, 6], ""]),
            json!([4, "flagged", [7, 13], "/1"]),
            json!([5, "flagged", [10, 16], "/event"]),
            json!([6, "blocked", [31, 32], "/0".repeat(31)]),
        ]
    );
    let (code, out, err) = scan(&args, b"");
    assert_eq!((code, err.as_str()), (Some(1), ""));
    assert!(out.starts_with("line 3: flagged, score 0.90: treason (injection) at 0..6\n"), "{out}");
    assert!(out.contains("5 records: 1 clean, 3 flagged, 1 blocked"), "{out}");
    let (code, _, err) = scan(&[&args[..], &["--field", "event"]].concat(), b"");
    assert_eq!(code, Some(2));
    assert_eq!(err, format!("m2m: {}, line 1: the record has no field event\n", paths[1]));
    let (code, out, _) = scan(&["--jsonl", "-", "--json", "--field", "b"], b"{\"b\":{\"c\":1}}");
    assert_eq!((code, &lines(&out)[0]["verdict"]), (Some(0), &json!("clean")));
}

#[test]
fn what_cannot_be_read_is_exit_code_2() {
    let (_folder, paths) =
        files(&[&RULES.replace("severity = 0.5", "severty = 0.5"), "{\"text\":1}\n{oops\n"]);
    for (args, part) in [
        (&["-f", "no/such"][..], "m2m: cannot read no/such"),
        (&["--rules", "no/such", "x"], "m2m: cannot read no/such"),
        (&["--jsonl", &paths[1]], &format!("m2m: {}, line 2: not JSON at byte 1\n", paths[1])),
        (&["--threshold", "1.5", "x"], "it must be from 0 to 1"),
        (&["--threshold", "x", "x"], "it is no number"),
        (&["--field", "x", "x"], "--jsonl"),
        (&["--jsonl", "a", "x"], "cannot be used with"),
    ] {
        let (code, out, err) = scan(args, b"");
        assert_eq!(code, Some(2), "{args:?}");
        assert!(err.contains(part), "{args:?}: {err}");
        assert!(!out.contains("clean") || args.contains(&"--jsonl"), "{out}");
    }
    let (code, _, err) = scan(&["--rules", &paths[0], "x"], b"");
    assert_eq!(code, Some(2));
    assert!(err.contains("severty") && err.contains("line 14"), "{err}");
}
