use std::process::{Command, Stdio};

use super::{REQUEST, bytes, m2m, stdout, vectors};

/// Exit code 1, nothing on standard output, one line on standard error.
fn fails(args: &[&str], stdin: &[u8], message: &str) {
    let output = m2m(args, stdin);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, format!("m2m: {message}\n"), "{args:?}");
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
}

/// Exit code 2, nothing on standard output, the offence on standard error.
fn is_misused(args: &[&str], part: &str) {
    let output = m2m(args, b"");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(part), "{args:?}: {stderr}");
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
}

#[test]
fn input_that_cannot_be_processed_is_one_line_and_exit_code_1() {
    let none = "cannot read no/such: No such file or directory (os error 2)";
    fails(&["compress", "-f", "no/such"], b"", none);
    fails(&["inspect", "-f", "no/such"], b"", none);
    fails(&["compress", "--llama3", "no/such"], b"", none);
    fails(&["decompress", "-f", "no\nsuch"], b"", &none.replace('/', "\\n"));
    fails(
        &["compress", "-o", "no/such", "hello"],
        b"",
        "cannot write no/such: No such file or directory (os error 2)",
    );
    fails(
        &["decompress", "#TK|X|AA=="],
        b"",
        "the frame cannot be read: it names a tokenizer that is not known; C, O and L are",
    );
    fails(
        &["decompress", "#TK|C|????"],
        b"",
        "the frame cannot be read: it is not base64 after its prefix",
    );
    fails(
        &["decompress", "#TK|L|AA=="],
        b"",
        "token-native L needs Llama 3's tokenizer.model, and none is configured (llama3): give it with --llama3 FILE",
    );
    fails(&["decompress", "-a", "m2m"], b"hello", "the input is plain, not what -a asks for");
    fails(&["decompress", "-a", "tn", "hello"], b"", "the input is plain, not what -a asks for");
    fails(
        &["compress", "-a", "tn"],
        b"\xff",
        "token-native cannot take this input: it is not text, or too long without a break; use -a m2m",
    );
    fails(
        &["compress", "--limit", "64"],
        &[b'a'; 65],
        "the payload has 65 bytes; the limit is 64 (limits.inflated): --limit BYTES raises it",
    );
}

#[test]
fn arguments_that_are_not_understood_are_exit_code_2() {
    is_misused(&[], "Usage: m2m <COMMAND>");
    is_misused(&["shrink"], "unrecognized subcommand 'shrink'");
    is_misused(&["compress", "-a", "zip"], "auto, m2m, token-native, brotli, none");
    is_misused(&["compress", "--level", "11"], "fast, balanced, small");
    is_misused(&["compress", "-f", "a", "b"], "cannot be used with");
    is_misused(&["compress", "--text", "--binary"], "cannot be used with");
    is_misused(&["compress", "--limit", "0"], "64..=2147483647");
    is_misused(&["compress", "-a", "brotli", "--binary"], "no binary form");
    is_misused(&["compress", "--tokenizer", "o200k"], "-a token-native");
    is_misused(&["compress", "-a", "tn", "--tokenizer", "llama3"], "needs --llama3 FILE");
    is_misused(&["decompress", "--binary"], "Usage: m2m decompress");
    is_misused(&["completions", "tcsh"], "bash");
}

#[test]
fn a_frame_that_is_cut_short_is_refused_at_every_length() {
    let frame = stdout(["compress", "-a", "m2m"], REQUEST.repeat(3).as_bytes());
    // Below the prefix it is a plain payload.
    for len in (7..frame.len()).step_by(5) {
        let output = m2m(["decompress"], &frame[..len]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{len}: {stderr}");
        assert!(stderr.starts_with("m2m: the frame cannot be read: it "), "{len}: {stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_secured_frame_is_refused_without_its_key() {
    for vector in vectors() {
        for mode in ["hmac", "aead"] {
            let frame = bytes(&vector[mode]["frame_hex"]);
            let message = format!(
                "the frame is secured ({mode}), and no key is configured: give it with --key-file FILE"
            );
            fails(&["decompress"], &frame, &message);
        }
    }
}

#[test]
fn a_payload_over_the_limit_is_refused_while_it_inflates() {
    let bomb = stdout(["compress", "-a", "m2m"], &vec![b' '; 8 << 20]);
    assert!(bomb.len() < 1000);
    fails(
        &["decompress", "--limit", "1000000"],
        &bomb,
        "the payload inflates to more than 1000000 bytes (limits.inflated): --limit BYTES raises it",
    );
}

#[test]
fn a_file_that_is_not_llama_3s_is_refused_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.model");
    std::fs::write(&path, "AA== 0\nAQ== one\n").unwrap();
    fails(
        &["compress", "--llama3", path.to_str().unwrap(), "hello"],
        b"",
        "the Llama 3 tokenizer is not the published tokenizer.model: line 2",
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_m2m"))
        .args(["decompress", "-f"])
        // More than a pipe holds.
        .arg(env!("CARGO_BIN_EXE_m2m"))
        .args(["--limit", "2000000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
