//! What the reference implementation, m2m-protocol 0.4.0, wrote: its headers must come out the same, its frames must open.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use m2m_engine::frame::{self, Body, Form, Role, Security};
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, SecurityConfig};
use m2m_engine::{Algorithm, Config, Engine, Framing, Inbound, OpenError, Outbound, Tokenizer};
use serde_json::Value;

/// The vectors that are frames; the others pin keys and session messages.
fn vectors() -> Vec<Value> {
    let all: Vec<Value> = include_str!("vectors/interop.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|vector: &Value| vector.get("m2m").is_some())
        .collect();
    assert_eq!(all.len(), 18);
    all
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn engine() -> Engine {
    Engine::new(Config { framing: Framing::Always, ..Config::default() }).unwrap()
}

fn forced(algorithm: Algorithm) -> Outbound<'static> {
    Outbound { algorithm: Some(algorithm), ..Outbound::default() }
}

fn name(vector: &Value) -> &str {
    vector["name"].as_str().unwrap()
}

#[test]
fn headers_equal_the_references_byte_for_byte() {
    for vector in vectors() {
        let theirs = bytes(&vector["m2m"]["frame_hex"]);
        let text = vector["text"].as_str().unwrap();
        let ours = engine().wrap(text.as_bytes(), &Outbound::default()).unwrap();
        assert_eq!(ours.algorithm, Algorithm::M2m);
        let header_end =
            7 + usize::try_from(vector["m2m"]["header_len"].as_u64().unwrap()).unwrap();
        assert_eq!(ours.bytes[..header_end], theirs[..header_end], "{}", name(&vector));
        // The payload's length may differ, as Brotli encoders do; its checksum may not.
        assert_eq!(
            ours.bytes[header_end + 4..header_end + 8],
            theirs[header_end + 4..header_end + 8]
        );
        let body = &ours.bytes[header_end + 8..];
        let plain = if text.len() < 100 { body.to_vec() } else { inflate(body) };
        assert_eq!(plain, text.as_bytes(), "{}", name(&vector));
    }
}

/// With another decoder than the engine's entry, so that what stands in the frame is known to be plain Brotli.
#[expect(clippy::disallowed_methods, reason = "a test of small vectors")]
fn inflate(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::BrotliDecompress(&mut body, &mut out).unwrap();
    out
}

#[test]
fn every_form_that_the_reference_wrote_opens() {
    let engine = engine();
    let open = |message: &[u8]| {
        let opened = engine.open(message, &Inbound::default()).unwrap();
        (opened.form, opened.payload.into_owned())
    };
    for vector in vectors() {
        let text = vector["text"].as_str().unwrap().as_bytes().to_vec();
        let opened = open(&bytes(&vector["m2m"]["frame_hex"]));
        assert_eq!(opened, (Form::M2m, text.clone()), "{}", name(&vector));
        let text_form = vector["m2m"]["text_form"].as_str().unwrap();
        assert_eq!(open(text_form.as_bytes()), (Form::M2mText, text.clone()), "{}", name(&vector));
        let brotli = vector["brotli"]["wire"].as_str().unwrap();
        assert_eq!(open(brotli.as_bytes()), (Form::Brotli, text.clone()), "{}", name(&vector));
        for tokenizer in ["C", "O"] {
            let wire = vector["token_native"][tokenizer]["wire"].as_str().unwrap();
            assert_eq!(
                open(wire.as_bytes()),
                (Form::TokenNative, text.clone()),
                "{}",
                name(&vector)
            );
        }
    }
}

#[test]
fn the_text_form_is_the_references_where_the_payload_is_raw() {
    for vector in vectors().iter().filter(|vector| vector["text"].as_str().unwrap().len() < 100) {
        let text = vector["text"].as_str().unwrap().as_bytes();
        let ours = engine().wrap(text, &Outbound::default()).unwrap();
        let ours = frame::to_text(&ours.bytes).into_owned();
        assert_eq!(String::from_utf8(ours).unwrap(), vector["m2m"]["text_form"].as_str().unwrap());
    }
}

#[test]
fn token_native_equals_the_references_byte_for_byte() {
    for (id, tokenizer) in [("C", Tokenizer::Cl100k), ("O", Tokenizer::O200k)] {
        let engine = Engine::new(Config { tokenizer, ..Config::default() }).unwrap();
        for vector in vectors() {
            let text = vector["text"].as_str().unwrap().as_bytes();
            let ours = engine.wrap(text, &forced(Algorithm::TokenNative)).unwrap();
            let theirs = vector["token_native"][id]["wire"].as_str().unwrap();
            assert_eq!(ours.bytes, theirs.as_bytes(), "{}", name(&vector));
        }
    }
}

fn number_of(role: Role) -> u64 {
    match role {
        Role::System => 0,
        Role::User => 1,
        Role::Assistant => 2,
        Role::Tool => 3,
    }
}

#[test]
fn peek_reads_what_the_reference_says_of_its_frames() {
    for vector in vectors() {
        let frame = bytes(&vector["m2m"]["frame_hex"]);
        let header_end =
            7 + usize::try_from(vector["m2m"]["header_len"].as_u64().unwrap()).unwrap();
        // The header alone is enough.
        let header = frame::peek(&frame[..header_end]).unwrap();
        assert!(frame::peek(&frame[..header_end - 1]).is_err());
        let number = |field: &Value| field.as_u64().map(|n| u32::try_from(n).unwrap());
        #[expect(clippy::as_conversions, reason = "the vectors hold f32 printed as f64")]
        let cost = |field: &Value| field.as_f64().map(|cost| cost as f32);
        match &header.body {
            Body::Request(request) => {
                let routing = &vector["m2m"]["routing"];
                assert_eq!(request.model, routing["model"].as_str().unwrap());
                assert_eq!(
                    u64::try_from(request.roles.len()).unwrap(),
                    routing["msg_count"].as_u64().unwrap()
                );
                let roles: Vec<u64> = request.roles.iter().map(number_of).collect();
                assert_eq!(Value::from(roles), routing["roles"]);
                assert_eq!(Some(request.content_hint), number(&routing["content_hint"]));
                assert_eq!(request.max_tokens, number(&routing["max_tokens"]));
                assert_eq!(request.est_cost_usd, cost(&routing["est_cost_usd"]));
            }
            Body::Response(response) => {
                let theirs = &vector["m2m"]["response"];
                assert_eq!(response.id, theirs["id"].as_str().unwrap());
                assert_eq!(response.model, theirs["model"].as_str().unwrap());
                assert_eq!(Some(response.prompt_tokens), number(&theirs["prompt_tokens"]));
                assert_eq!(Some(response.completion_tokens), number(&theirs["completion_tokens"]));
                assert_eq!(response.cached_tokens, number(&theirs["cached_tokens"]));
                assert_eq!(response.reasoning_tokens, number(&theirs["reasoning_tokens"]));
                assert_eq!(response.est_cost_usd, cost(&theirs["est_cost_usd"]));
            }
            Body::None => panic!("no header in {}", name(&vector)),
        }
    }
}

#[test]
fn secured_frames_show_their_header_and_do_not_open_without_a_key() {
    let engine = engine();
    for vector in vectors() {
        let plain = bytes(&vector["m2m"]["frame_hex"]);
        for (field, security) in [("hmac", Security::Hmac), ("aead", Security::Aead)] {
            let frame = bytes(&vector[field]["frame_hex"]);
            let header = frame::peek(&frame).unwrap();
            assert_eq!(header.security, security);
            assert_eq!(header.body, frame::peek(&plain).unwrap().body);
            let error = engine.open(&frame, &Inbound::default()).unwrap_err();
            assert!(matches!(error, OpenError::Secured { mode } if mode == security), "{error}");
        }
    }
}

const MODES: [(Mode, Security); 2] = [(Mode::Hmac, Security::Hmac), (Mode::Aead, Security::Aead)];

/// An engine with the key that a vector was made with.
fn keyed(vector: &Value, mode: Mode) -> Engine {
    let key = KeyMaterial::from_hex(vector[mode.name()]["key_hex"].as_str().unwrap()).unwrap();
    let security = SecurityConfig::new(Keyring::new(Key::new("reference", mode, key).unwrap()));
    Engine::new(Config { security: Some(security), ..Config::default() }).unwrap()
}

#[test]
fn what_the_reference_secured_opens_in_both_forms() {
    for vector in vectors() {
        let text = vector["text"].as_str().unwrap().as_bytes();
        for (mode, security) in MODES {
            let engine = keyed(&vector, mode);
            let binary = bytes(&vector[mode.name()]["frame_hex"]);
            for frame in [frame::to_text(&binary).into_owned(), binary] {
                let opened = engine.open(&frame, &Inbound::default()).unwrap();
                assert_eq!(opened.payload, text, "{}", name(&vector));
                assert_eq!(opened.security, security);
            }
        }
    }
}

/// Where nothing is compressed, only a nonce can differ.
#[test]
fn what_we_secure_equals_the_references_byte_for_byte() {
    for vector in vectors() {
        let text = vector["text"].as_str().unwrap().as_bytes();
        let header_end =
            7 + usize::try_from(vector["m2m"]["header_len"].as_u64().unwrap()).unwrap();
        for (mode, _) in MODES {
            let theirs = bytes(&vector[mode.name()]["frame_hex"]);
            let ours = keyed(&vector, mode).wrap(text, &Outbound::default()).unwrap();
            assert_eq!(ours.bytes[..header_end], theirs[..header_end], "{}", name(&vector));
            if text.len() < 100 {
                assert_eq!(ours.bytes.len(), theirs.len());
                assert!(mode == Mode::Aead || *ours.bytes == *theirs, "{}", name(&vector));
            }
        }
    }
}
