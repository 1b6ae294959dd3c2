#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use serde_json::Value;

use super::*;

fn vectors() -> Vec<(String, String)> {
    let lines = include_str!("../../../tests/vectors/interop.jsonl").lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter_map(|line| {
            let name = line["name"].as_str()?.strip_prefix("session_")?.to_owned();
            Some((name, line["message"].as_str()?.to_owned()))
        })
        .collect()
}

#[test]
fn the_reference_implementations_messages_are_read_and_written_byte_for_byte() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 8);
    for (name, text) in vectors {
        let message = Message::read(text.as_bytes()).unwrap();
        let kind = name.split('_').next().unwrap().to_uppercase();
        assert_eq!(message.kind().name(), kind);
        assert_eq!(String::from_utf8(message.write()).unwrap(), text, "{name}");
    }
}

#[test]
fn members_that_are_not_known_are_passed_over() {
    for (name, text) in vectors() {
        let plain = Message::read(text.as_bytes()).unwrap();
        let more = text.replacen("{", r#"{"later":{"x":[1]},"#, 1);
        assert_eq!(Message::read(more.as_bytes()).unwrap(), plain, "{name}");
        let more =
            text.replacen(r#""payload":{"#, r#""payload":{"later":[],"#, 1).replace("[],}", "[]}");
        assert_eq!(Message::read(more.as_bytes()).unwrap(), plain, "{name}");
    }
    let (_, hello) = vectors().swap_remove(0);
    let hello = hello.replace(r#""m2m","#, r#""m2m","zstd","#).replace("\"O200kBase\"", "\"P50k\"");
    let Body::Hello(peer) = Message::read(hello.as_bytes()).unwrap().body else { unreachable!() };
    assert!(peer.compression.algorithms.contains(&Algorithm::Other));
}

#[test]
fn other_bytes_are_refused_without_being_quoted() {
    for json in [
        "",
        "{}",
        "[]",
        r#"{"type":"HELO","payload":{},"timestamp":1}"#,
        r#"{"type":"HELLO","payload":{},"timestamp":1}"#,
        r#"{"type":"DATA","payload":{"algorithm":"m2m"},"timestamp":1}"#,
        r#"{"type":"PING","payload":{},"timestamp":-1}"#,
        r#"{"type":"PING","payload":{},"timestamp":"secret"}"#,
        r#"{"type":"PING","type":"PING","payload":{},"timestamp":1}"#,
        r#"{"type":"PING","payload":{},"timestamp":1} secret"#,
    ] {
        let error = Message::read(json.as_bytes()).unwrap_err();
        assert!(matches!(error, MessageError::Malformed { .. }));
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
