#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use super::*;
use crate::config::{Config, Framing};
use crate::flow::{Engine, Outbound};

fn wrap(json: &str) -> Vec<u8> {
    let engine = Engine::new(Config { framing: Framing::Always, ..Config::default() }).unwrap();
    engine.wrap(json.as_bytes(), &Outbound::default()).unwrap().bytes.into_owned()
}

const REQUEST: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"tool","content":"d"},{"role":"user","content":"e"}],"stream":true}"#;
const RESPONSE: &str = r#"{"id":"chatcmpl-7","model":"claude-3-opus","choices":[{"finish_reason":"tool_calls","message":{"tool_calls":[]}}],"usage":{"prompt_tokens":10,"completion_tokens":5}}"#;

#[test]
fn peek_allocates_nothing() {
    for frame in [wrap(REQUEST), wrap(RESPONSE)] {
        let allocations = allocation_counter::measure(|| {
            let header = peek(&frame).unwrap();
            assert_ne!(header.provider(), "unknown");
            assert_ne!(header.model(), "");
        });
        assert_eq!(allocations.count_total, 0);
    }
}

#[test]
fn a_headers_length_is_told_before_it_is_written() {
    let long = "x".repeat(70_000);
    for json in [
        REQUEST.to_owned(),
        RESPONSE.to_owned(),
        format!(r#"{{"model":"é","messages":[{{"content":"{long}"}}],"max_tokens":70000}}"#),
        r#"{"id":"r","choices":[],"usage":{"prompt_tokens":4294967295,"completion_tokens_details":{"reasoning_tokens":300}}}"#.to_owned(),
        r#"{"choices":[]}"#.to_owned(),
    ] {
        let frame = wrap(&json);
        let header = peek(&frame).unwrap();
        assert_eq!(header.len(), usize::from(u16::from_le_bytes([frame[7], frame[8]])), "{json}");
    }
}

#[test]
fn peek_needs_only_the_header() {
    let frame = wrap(RESPONSE);
    let whole = peek(&frame).unwrap();
    let len = 7 + usize::from(u16::from_le_bytes([frame[7], frame[8]]));
    assert_eq!(peek(&frame[..len]).unwrap(), whole);
    for shorter in 0..len {
        assert!(peek(&frame[..shorter]).is_err(), "{shorter}");
    }
}

/// The reference never writes schema 0x10 by itself; whoever does writes it as a response.
#[test]
fn an_error_frame_reads_as_a_response_and_is_written_back_the_same() {
    let mut frame = wrap(RESPONSE);
    frame[9] = 0x10;
    let header = peek(&frame).unwrap();
    assert_eq!(header.schema, Schema::Error);
    assert!(matches!(&header.body, Body::Response(response) if response.id == "chatcmpl-7"));
    let mut written = M2M_PREFIX.to_vec();
    header.write(&mut written);
    assert_eq!(written, frame[..written.len()]);
}

#[test]
fn schemas_without_a_variable_header_are_read() {
    for (byte, name) in
        [(3, "stream_chunk"), (0xfe, "custom"), (0xff, "unknown"), (0x77, "unknown")]
    {
        let mut frame = M2M_PREFIX.to_vec();
        frame.extend_from_slice(&[20, 0, byte, 0, 0, 0, 0, 0]);
        frame.extend_from_slice(&[0; 12]);
        assert_eq!(peek(&frame).unwrap().schema.name(), name);
        assert_eq!(peek(&frame).unwrap().body, Body::None);
    }
}

#[test]
fn what_follows_the_known_fields_is_left_for_extensions() {
    let mut frame = wrap(RESPONSE);
    let len = 7 + usize::from(frame[7]);
    frame.splice(len..len, *b"more");
    frame[7] += 4;
    assert_eq!(peek(&frame).unwrap().model(), "claude-3-opus");
}

/// Escapes in names are spellings, not other names: the longest one takes 126 bytes when each character is escaped.
#[test]
fn names_are_read_however_they_are_escaped() {
    let plain = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"max_completion_tokens":9,"reasoning_effort":1}"#;
    let mut escaped = plain.to_owned();
    for name in
        ["model", "messages", "role", "content", "max_completion_tokens", "reasoning_effort"]
    {
        let spelled: String = name.chars().map(|c| format!("\\u{:04X}", u32::from(c))).collect();
        escaped = escaped.replace(&format!("\"{name}\""), &format!("\"{spelled}\""));
    }
    assert_eq!(peek(&wrap(&escaped)).unwrap(), peek(&wrap(plain)).unwrap());
    assert!(
        matches!(peek(&wrap(&escaped)).unwrap().body, Body::Request(r) if r.max_tokens == Some(9))
    );
}

/// What the reference implementation writes for `"max_tokens": null`.
#[test]
fn a_flag_for_max_tokens_without_the_number_leaves_the_cost_readable() {
    let request = r#"{"model":"gpt-4o","messages":[],"max_tokens":7}"#;
    let with = wrap(request);
    // Prefix, fixed header, the model with its length, two zeros, the number, the cost.
    assert_eq!(with[7 + 20 + 7..7 + 20 + 10], [0, 0, 7]);
    let mut without = with.clone();
    without.remove(7 + 20 + 9);
    without[7] -= 1;
    let header = peek(&without).unwrap();
    assert!(matches!(&header.body, Body::Request(request) if request.max_tokens.is_none()));
    assert_eq!(header.est_cost_usd(), peek(&with).unwrap().est_cost_usd());
}

#[test]
fn the_header_of_a_text_form_is_read_without_the_rest() {
    for frame in [wrap(REQUEST), wrap(RESPONSE), wrap("[]")] {
        let mut text = to_text(&frame).into_owned();
        let decoded = decode_text(&text).unwrap();
        assert_eq!(peek_decoded(&decoded).unwrap(), peek(&frame).unwrap());
        assert!(decoded.len() <= usize::from(frame[7]) + 2, "no more than the header");
        // What stands behind the header does not matter, nor does it cost anything.
        text.push(b'!');
        assert_eq!(decode_text(&text).unwrap(), decoded);
        for len in 0..text.len() {
            if let Ok(cut) = decode_text(&text[..len]) {
                assert!(decoded.starts_with(&cut), "{len}");
            }
        }
    }
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let frame = wrap(REQUEST);
    let with = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        peek(&frame).map(|header| header.model().to_owned())
    };
    assert_eq!(with(7, 19), Err(FrameError::HeaderLen { len: 19 }));
    assert_eq!(with(10, 3), Err(FrameError::Security { byte: 3 }));
    // The model's length, and a byte of it.
    assert_eq!(with(27, 255), Err(FrameError::HeaderLen { len: u16::from(frame[7]) }));
    assert_eq!(with(28, 0xff), Err(FrameError::Field { field: "model" }));
    // A number of messages whose roles cannot be there.
    assert_eq!(with(34, 0x7f), Err(FrameError::HeaderLen { len: u16::from(frame[7]) }));
}

#[test]
fn forms_are_told_by_how_a_message_begins() {
    let frame = wrap(REQUEST);
    assert_eq!(Form::of(&frame), Form::M2m);
    assert_eq!(Form::of(&to_text(&frame)), Form::M2mText);
    for (message, form) in [
        (&b"#TK|C|"[..], Form::TokenNative),
        (b"#M2M[v3.0]|DATA:", Form::Brotli),
        (b"", Form::Plain),
        (b"#M2M|2|", Form::Plain),
        (b"#M2M|1", Form::Plain),
        (b" #M2M|1|", Form::Plain),
    ] {
        assert_eq!(Form::of(message), form);
    }
}
