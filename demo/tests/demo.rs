//! The demo as a user runs it, on memory, its output not a terminal.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn demo(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_m2m-demo")).args(arguments).output().unwrap()
}

fn replay(folder: &Path) -> Output {
    demo(&[Path::new("--traffic"), folder])
}

/// The numbers of the line that begins with this word, without units, in order.
fn numbers(output: &str, word: &str) -> Vec<u64> {
    let starts = |line: &&str| line.split(' ').next() == Some(word);
    let line = output.lines().rfind(starts).unwrap_or_else(|| panic!("no {word} in:\n{output}"));
    let words = line.split([' ', ',', '(', ')', ':']);
    words.filter_map(|word| word.parse().ok()).collect()
}

/// The sum of the column of that name, in the table whose head begins with `first`.
fn sum(output: &str, first: &str, column: &str) -> u64 {
    let mut lines = output.lines().skip_while(|line| !line.starts_with(first));
    let head = lines.next().unwrap_or_else(|| panic!("no table of {first}:\n{output}"));
    // Numbers end where their head ends.
    let end = head.find(column).unwrap() + column.len();
    let cell = |line: &str| {
        let upto: String = line.chars().take(end).collect();
        upto.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    lines.take_while(|line| !line.is_empty()).map(cell).sum()
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

#[test]
fn all_that_is_sent_is_verified_and_the_totals_add_up() {
    let output = demo(&[]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.ends_with("\nEverything arrived as it was sent.\n"), "{out}");
    assert!(!out.contains('\u{1b}'), "no escape sequences where there is no terminal:\n{out}");

    let sent = numbers(&out, "sent")[0];
    assert!(sent > 500, "{out}");
    assert_eq!(sum(&out, "producer", "sent"), sent, "{out}");
    for column in ["arrived", "verified"] {
        assert_eq!(sum(&out, "to ", column), sent, "{column}\n{out}");
    }
    assert_eq!(sum(&out, "to ", "again"), 0, "{out}");
    assert_eq!(numbers(&out, "verified")[..2], [sent, sent], "{out}");
    // Read, passed on, confirmed.
    assert_eq!(numbers(&out, "bridge"), [sent, sent, sent], "{out}");
    assert_eq!(numbers(&out, "order"), [0, 0], "{out}");
    // One producer tries to send more than the size limit. Of what strangers try, one leaks and one nests too deep; nobody else is told on.
    assert_eq!(numbers(&out, "blocked"), [1, 256 * 1024, 2], "{out}");
    assert_eq!(sum(&out, "producer", "blocked"), 3, "{out}");
    assert_eq!(numbers(&out, "flagged"), [3], "{out}");
    assert_eq!(sum(&out, "producer", "flagged"), 3, "{out}");
    let strangers = out.lines().rfind(|line| line.starts_with("strangers")).unwrap();
    let last: Vec<_> = strangers.split_ascii_whitespace().rev().take(2).collect();
    assert_eq!(last, ["2", "3"], "{out}");
}

#[test]
fn every_run_sends_the_same() {
    let totals = || {
        let out = text(&demo(&[]).stdout);
        ["sent", "saved", "verified", "order"].map(|word| numbers(&out, word))
    };
    assert_eq!(totals(), totals());
}

#[test]
fn lines_of_a_folder_are_replayed_and_other_files_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let request = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"How long is the night train?"}]}"#;
    fs::write(folder.path().join("requests.jsonl"), format!("{request}\n\n{request}\r\n")).unwrap();
    fs::write(folder.path().join("tools.jsonl"), b"{\"jsonrpc\":\"2.0\",\"id\":1}\n\xff\xfe")
        .unwrap();
    fs::write(folder.path().join("requests.index.tsv"), "line\tbytes\n1\t89\n").unwrap();
    let output = replay(folder.path());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(numbers(&out, "sent")[0], 4, "{out}");
    assert_eq!(numbers(&out, "requests")[0], 2, "{out}");
    assert_eq!(numbers(&out, "verified")[..2], [4, 4], "{out}");
}

#[test]
fn a_folder_that_cannot_be_replayed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    for (folder, expected) in [
        (&*missing, "error: cannot read the traffic folder "),
        (&*file, "error: cannot read the traffic folder "),
        (folder.path(), "error: no *.jsonl in the traffic folder "),
    ] {
        let output = replay(folder);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.starts_with(&format!("{expected}{}", folder.display())), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert!(output.stdout.is_empty());
    }
    fs::write(folder.path().join("empty.jsonl"), "\n\n").unwrap();
    let err = text(&replay(folder.path()).stderr);
    assert!(err.starts_with("error: no message in the *.jsonl of the traffic folder "), "{err}");
}
