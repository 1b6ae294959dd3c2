use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{REQUEST, bytes, m2m, stdout, vectors};

/// How to compress, and how to decompress what came of it.
const WAYS: [(&[&str], &[&str]); 13] = [
    (&[], &[]),
    (&["--text"], &[]),
    (&["--binary"], &[]),
    (&["-a", "m2m"], &[]),
    (&["-a", "M2M", "--text"], &["-a", "m2m"]),
    (&["-a", "m2m", "--level", "fast"], &[]),
    (&["-a", "m2m", "--level", "small"], &[]),
    (&["-a", "brotli"], &["-a", "br"]),
    (&["-a", "none"], &["-a", "none"]),
    (&["-a", "token-native"], &["-a", "token-native"]),
    (&["-a", "tn", "--tokenizer", "o200k"], &[]),
    (&["-a", "tn", "--binary"], &["-a", "token-native", "--binary"]),
    (&["-a", "tn", "--binary", "--tokenizer", "O"], &["-a", "tn", "--binary"]),
];

fn payloads() -> Vec<Vec<u8>> {
    let mut payloads: Vec<Vec<u8>> = vec![
        REQUEST.into(),
        REQUEST.repeat(40).into(),
        format!("{REQUEST}\n").into(),
        "".into(),
        "\n".into(),
        "no JSON, Grüße 😀 <|endoftext|>\r\n\0".into(),
        "#M2M|1|".into(),
        "#TK|C|not ids".into(),
        "#M2M[v3.0]|DATA:\n".into(),
    ];
    payloads.push((0..=255).collect());
    payloads.push(b"\xff\xfe\x00".repeat(100));
    payloads
}

#[test]
fn every_payload_comes_back_from_every_form() {
    for payload in payloads() {
        for (compress, decompress) in WAYS {
            let token_ids = compress.iter().any(|arg| arg.starts_with('t'));
            if token_ids && std::str::from_utf8(&payload).is_err() {
                continue;
            }
            let frame = stdout([&["compress"], compress].concat(), &payload);
            let back = stdout([&["decompress"], decompress].concat(), &frame);
            assert_eq!(back, payload, "{compress:?}");
        }
    }
}

#[test]
fn files_and_arguments_hold_the_same_bytes_as_the_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [plain, frame, back] = ["plain", "frame", "back"].map(path);
    for payload in payloads() {
        std::fs::write(&plain, &payload).unwrap();
        assert_eq!(stdout(["compress", "-a", "m2m", "-f", &plain, "-o", &frame], b""), b"");
        assert_eq!(std::fs::read(&frame).unwrap(), stdout(["compress", "-a", "m2m"], &payload));
        assert_eq!(stdout(["decompress", "--file", &frame, "--output", &back], b""), b"");
        assert_eq!(std::fs::read(&back).unwrap(), payload);
    }
    let from_argument = stdout(["compress", REQUEST], b"not read");
    assert_eq!(from_argument, stdout(["compress", "-"], REQUEST.as_bytes()));
    assert_eq!(stdout(["compress", REQUEST, "-o", "-"], b""), from_argument);
}

#[test]
fn what_the_reference_wrote_is_opened() {
    for vector in vectors() {
        let text = vector["text"].as_str().unwrap().as_bytes();
        assert_eq!(stdout(["decompress"], &bytes(&vector["m2m"]["frame_hex"])), text);
        for wire in [&vector["m2m"]["text_form"], &vector["brotli"]["wire"]] {
            // As an editor leaves it.
            let line = format!("{}\r\n", wire.as_str().unwrap());
            assert_eq!(stdout(["decompress"], line.as_bytes()), text);
        }
    }
}

#[test]
fn token_ids_are_written_as_the_reference_does() {
    for vector in vectors().iter().take(4) {
        let text = vector["text"].as_str().unwrap().as_bytes();
        for (letter, tokenizer) in [("C", "cl100k"), ("O", "o200k")] {
            let compress = ["compress", "-a", "tn", "--tokenizer", tokenizer];
            let theirs = &vector["token_native"][letter];
            assert_eq!(stdout(compress, text), theirs["wire"].as_str().unwrap().as_bytes());
            let binary = stdout([&compress[..], &["--binary"]].concat(), text);
            assert_eq!(binary, bytes(&theirs["binary_hex"]));
        }
    }
}

#[test]
fn auto_keeps_what_would_not_shrink_and_frames_what_would() {
    assert_eq!(stdout(["compress"], b"short"), b"short");
    let long = REQUEST.repeat(10);
    let frame = stdout(["compress"], long.as_bytes());
    assert!(frame.starts_with(b"#M2M|1|") && frame.len() < long.len());
    let text = stdout(["compress", "--text"], long.as_bytes());
    assert!(text.starts_with(b"#M2M|1|") && text.is_ascii() && text.len() < long.len());
}

#[test]
fn statistics_go_to_standard_error() {
    let output = m2m(["compress", "-a", "m2m", "-s"], REQUEST.as_bytes());
    assert_eq!(output.stdout, stdout(["compress", "-a", "m2m"], REQUEST.as_bytes()));
    let stats = String::from_utf8(output.stderr).unwrap();
    let original = format!("Original:   {} bytes", REQUEST.len());
    let compressed = format!("Compressed: {} bytes", output.stdout.len());
    assert!(stats.contains("Algorithm:  m2m"), "{stats}");
    assert!(stats.contains(&original) && stats.contains(&compressed), "{stats}");
}

#[test]
fn pretty_changes_only_white_space() {
    let payload = r#"{"b":1.00,"a":[],"b":"\u00e9"}"#;
    let laid_out = "{\n  \"b\": 1.00,\n  \"a\": [],\n  \"b\": \"\\u00e9\"\n}";
    let frame = stdout(["compress", "-a", "m2m"], payload.as_bytes());
    assert_eq!(stdout(["decompress", "--pretty"], &frame), laid_out.as_bytes());
    assert_eq!(stdout(["decompress", "--pretty", "no JSON"], b""), b"no JSON");
}

/// As large as Llama 3's file, its tokens the bytes, their pairs, and some triples.
fn llama3_like() -> String {
    let bytes = || 0..=u8::MAX;
    let pairs = bytes().flat_map(|a| bytes().map(move |b| vec![a, b]));
    let triples =
        bytes().flat_map(|a| bytes().flat_map(move |b| bytes().map(move |c| vec![c, b, a])));
    let tokens = bytes().map(|a| vec![a]).chain(pairs).chain(triples).take(128_000);
    tokens.zip(0..).map(|(token, rank)| format!("{} {rank}\n", STANDARD.encode(token))).collect()
}

#[test]
fn llama_3_is_read_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.model");
    std::fs::write(&path, llama3_like()).unwrap();
    let file = path.to_str().unwrap();
    let compress = ["compress", "-a", "tn", "--tokenizer", "llama3", "--llama3", file];
    let text = stdout(compress, REQUEST.as_bytes());
    assert!(text.starts_with(b"#TK|L|"));
    assert_eq!(stdout(["decompress", "--llama3", file], &text), REQUEST.as_bytes());
    let binary = stdout([&compress[..], &["--binary"]].concat(), REQUEST.as_bytes());
    assert_eq!(binary[0], 2);
    let decompress = ["decompress", "-a", "tn", "--binary", "--llama3", file];
    assert_eq!(stdout(decompress, &binary), REQUEST.as_bytes());
}
