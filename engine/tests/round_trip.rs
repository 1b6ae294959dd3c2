//! `open(wrap(x)) == x`, and what comes of frames that were damaged on the way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::LazyLock;

use m2m_engine::config::ConfigError;
use m2m_engine::frame::{self, Form, FrameError};
use m2m_engine::scan::{Policies, Policy, ScanConfig};
use m2m_engine::{
    Algorithm, Config, Engine, Framing, Inbound, Level, Limits, OpenError, Outbound, WrapError,
    fuzz,
};
use proptest::prelude::*;

const REQUEST: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"Answer briefly."},{"role":"user","content":"Which trains go from Utrecht to Ghent tomorrow morning, and which of them need no change?"}],"max_tokens":200}"#;

static FUZZ: LazyLock<Engine> = LazyLock::new(fuzz::engine);
/// Made once, as rules take a while to be made ready: for each level one that frames what pays, and one that frames always.
static ENGINES: LazyLock<Vec<(Engine, Engine)>> = LazyLock::new(|| {
    let of = |level, framing| engine(Config { framing, level, ..Config::default() });
    [Level::Balanced, Level::Fast, Level::Small]
        .map(|level| (of(level, Framing::Auto), of(level, Framing::Always)))
        .into()
});

fn engine(config: Config) -> Engine {
    Engine::new(config).unwrap()
}

fn always() -> Config {
    Config { framing: Framing::Always, ..Config::default() }
}

fn forced(algorithm: Algorithm) -> Outbound<'static> {
    Outbound { algorithm: Some(algorithm), ..Outbound::default() }
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "(system|user|assistant|tool|function|text|image_url)".prop_map(Into::into),
    ];
    let key = prop_oneof![
        any::<String>(),
        "(model|messages|role|content|id|choices|usage|max_tokens|type|text|stream|tools)",
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::hash_map(key.clone(), inner, 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
    .prop_map(|value| value.to_string())
}

/// What JSON is made of, and what divides no two documents.
const NEARLY_JSON: &[&str] = &[
    "[]", "{}", "[", "]", "{", "}", ",", ":", "\"a\"", "\"", "0", "null", " ", "\n", "\u{b}",
    "\u{c}",
];

fn any_algorithm() -> impl Strategy<Value = Option<Algorithm>> {
    prop::sample::select(vec![
        None,
        Some(Algorithm::M2m),
        Some(Algorithm::Brotli),
        Some(Algorithm::TokenNative),
    ])
}

proptest! {
    #[test]
    fn any_bytes_come_back(data in prop::collection::vec(any::<u8>(), 0..2000), algorithm in any_algorithm()) {
        fuzz::round_trip(&FUZZ, &data, &Outbound { algorithm, ..Outbound::default() });
        fuzz::grows_for_a_reason(&FUZZ, &data);
        fuzz::scan(&FUZZ, &data);
    }

    #[test]
    fn any_json_comes_back(json in any_json(), algorithm in any_algorithm(), level in 0..3_usize) {
        let (auto, always) = &ENGINES[level];
        for engine in [auto, always] {
            fuzz::round_trip(engine, json.as_bytes(), &Outbound { algorithm, ..Outbound::default() });
        }
        fuzz::grows_for_a_reason(auto, json.as_bytes());
        fuzz::scan(auto, json.as_bytes());
        let at = json.floor_char_boundary(json.len() / 2);
        fuzz::scan(auto, &json.as_bytes()[..at]);
    }

    #[test]
    fn what_is_nearly_json_comes_back(parts in prop::collection::vec(prop::sample::select(NEARLY_JSON), 1..12)) {
        let data = parts.concat();
        fuzz::round_trip(&FUZZ, data.as_bytes(), &Outbound::default());
        fuzz::scan(&FUZZ, data.as_bytes());
    }

    #[test]
    fn what_begins_as_a_frame_comes_back(prefix in prop::sample::select(vec!["#M2M|1|", "#TK|", "#TK|C|", "#M2M[v3.0]|DATA:", "#M2M|1|IgAB"]), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let data = [prefix.as_bytes(), &rest].concat();
        let engine = &*FUZZ;
        fuzz::open(engine, &data);
        prop_assert!(engine.wrap(&data, &Outbound::default()).unwrap().is_framed());
    }

    #[test]
    fn hostile_bytes_neither_panic_nor_pass_a_limit(header in prop::collection::vec(any::<u8>(), 0..80), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let frame = [b"#M2M|1|", &header[..], &rest].concat();
        fuzz::peek(&frame);
        fuzz::open(&FUZZ, &frame);
    }

    #[test]
    fn damaged_frames_neither_panic_nor_give_another_payload(json in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let engine = &ENGINES[0].1;
        let frame = engine.wrap(json.as_bytes(), &Outbound::default()).unwrap().bytes.into_owned();
        let mut damaged = frame.clone();
        let at = at.index(frame.len());
        damaged[at] = byte;
        fuzz::peek(&damaged);
        error_or_original(engine, &damaged, json.as_bytes());
    }
}

/// A damaged frame gives an error or the original payload; damaged in its prefix it is no frame, and comes as it is.
fn error_or_original(engine: &Engine, damaged: &[u8], original: &[u8]) {
    if let Ok(opened) = engine.open(damaged, &Inbound::default()) {
        match opened.form {
            Form::Plain => assert_eq!(opened.payload, damaged),
            _ => assert_eq!(opened.payload, original),
        }
    }
}

/// One small frame of each form and storing.
fn small_frames(engine: &Engine) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut frames = Vec::new();
    let payloads =
        ["{}", REQUEST, r#"{"id":"chatcmpl-1","choices":[]}"#, "not JSON at all", "\u{0}\u{1}"];
    for payload in payloads {
        for algorithm in [Algorithm::M2m, Algorithm::Brotli, Algorithm::TokenNative] {
            let wrapped = engine.wrap(payload.as_bytes(), &forced(algorithm)).unwrap();
            assert_eq!(wrapped.algorithm, algorithm, "{payload}");
            frames.push((wrapped.bytes.to_vec(), payload.as_bytes().to_vec()));
            frames.push((frame::to_text(&wrapped.bytes).into_owned(), payload.as_bytes().to_vec()));
        }
    }
    frames
}

#[test]
fn a_frame_cut_at_any_length_is_an_error() {
    let engine = engine(Config::default());
    for (frame, payload) in small_frames(&engine) {
        for len in 0..frame.len() {
            let cut = &frame[..len];
            fuzz::peek(cut);
            match Form::of(cut) {
                // Neither text form states a length or a checksum: base64 cut at a token's end still opens, to a part of the payload.
                Form::TokenNative | Form::Brotli => {
                    let _ = engine.open(cut, &Inbound::default());
                }
                Form::M2m | Form::M2mText => {
                    assert!(engine.open(cut, &Inbound::default()).is_err(), "cut to {len}");
                }
                _ => error_or_original(&engine, cut, &payload),
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_harmless() {
    let engine = engine(Config::default());
    for (frame, payload) in small_frames(&engine) {
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fuzz::peek(&flipped);
            match Form::of(&flipped) {
                // No checksum: a flipped bit can be another text. It must not panic.
                Form::TokenNative | Form::Brotli => {
                    let _ = engine.open(&flipped, &Inbound::default());
                }
                _ => error_or_original(&engine, &flipped, &payload),
            }
        }
    }
}

#[test]
fn bytes_after_a_frame_are_an_error() {
    let engine = engine(always());
    let mut frame = engine.wrap(REQUEST.as_bytes(), &Outbound::default()).unwrap().bytes.to_vec();
    frame.push(0);
    let error = engine.open(&frame, &Inbound::default()).unwrap_err();
    assert!(matches!(error, OpenError::Frame(FrameError::PayloadLen { .. })), "{error}");
}

#[test]
fn small_and_dense_payloads_are_stored_as_they_are() {
    let engine = engine(Config::default());
    for payload in
        [&b""[..], b"{}", b"x", br#"{"model":"gpt-4o","messages":[]}"#, &[0x1f, 0x8b, 1, 2]]
    {
        let wrapped = engine.wrap(payload, &Outbound::default()).unwrap();
        assert!(!wrapped.is_framed());
        assert!(matches!(wrapped.bytes, std::borrow::Cow::Borrowed(_)));
    }
    assert!(!engine.wrap(&noise(10_000), &Outbound::default()).unwrap().is_framed());
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(&mut next).take(len).collect()
}

/// Whether it pays is told before the frame is written, and to the byte.
#[test]
fn what_gets_smaller_by_a_single_byte_is_framed() {
    let (engine, mut closest) = (engine(Config::default()), usize::MAX);
    for len in 120..400 {
        let letters: String = noise(len).iter().map(|n| char::from(b'0' + n % 64)).collect();
        let json = serde_json::json!({"model": "m", "messages": [], "x": letters}).to_string();
        let frame = engine.wrap(json.as_bytes(), &forced(Algorithm::M2m)).unwrap().bytes.len();
        let wrapped = engine.wrap(json.as_bytes(), &Outbound::default()).unwrap();
        assert_eq!(wrapped.is_framed(), frame < json.len(), "{frame} of {} bytes", json.len());
        closest = closest.min(json.len().abs_diff(frame));
    }
    assert!(closest < 5, "the lengths do not come near the point where it pays: {closest}");
}

#[test]
fn framing_always_gives_every_json_a_header_and_leaves_other_bytes_alone() {
    let engine = engine(always());
    assert!(engine.wrap(b"[1]", &Outbound::default()).unwrap().is_framed());
    assert!(!engine.wrap(b"no JSON", &Outbound::default()).unwrap().is_framed());
}

#[test]
fn framing_off_only_opens() {
    let off = engine(Config { framing: Framing::Off, ..Config::default() });
    let frame = engine(always()).wrap(REQUEST.as_bytes(), &Outbound::default()).unwrap();
    assert_eq!(
        off.wrap(REQUEST.as_bytes(), &Outbound::default()).unwrap().bytes,
        REQUEST.as_bytes()
    );
    assert_eq!(off.open(&frame.bytes, &Inbound::default()).unwrap().payload, REQUEST.as_bytes());
}

#[test]
fn a_stored_payload_is_borrowed_from_its_frame() {
    let engine = engine(always());
    let frame =
        bytes::Bytes::from(engine.wrap(b"[1]", &Outbound::default()).unwrap().bytes.to_vec());
    let opened = engine.open(&frame, &Inbound::default()).unwrap().into_bytes(&frame);
    assert_eq!(opened, "[1]");
    assert_eq!(opened.as_ptr(), frame[frame.len() - 3..].as_ptr());
}

#[test]
fn bytes_that_a_payload_was_not_borrowed_from_are_copied_not_a_panic() {
    let engine = engine(Config::default());
    let payload = b"plain".to_vec();
    let other = bytes::Bytes::from_static(b"another message altogether");
    let wrapped = engine.wrap(&payload, &Outbound::default()).unwrap();
    assert_eq!(wrapped.into_bytes(&other), "plain");
    assert_eq!(engine.open(&payload, &Inbound::default()).unwrap().into_bytes(&other), "plain");
    assert_eq!(engine.open(b"", &Inbound::default()).unwrap().into_bytes(&other), "");
}

#[test]
fn payloads_and_frames_over_the_limits_are_refused_by_name() {
    let limits = Limits { frame: 300, inflated: 1000, json_depth: 128 };
    let small = engine(Config { limits, ..Config::default() });
    let error = small.wrap(&[b'x'; 1001], &Outbound::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the payload has 1001 bytes; the limit is 1000 (limits.inflated)"
    );
    let zeros = engine(Config::default());
    let frame = zeros.wrap(&[b'0'; 2000], &Outbound::default()).unwrap();
    let error = small.open(&frame.bytes, &Inbound::default()).unwrap_err();
    assert!(matches!(error, OpenError::PayloadTooLong { limit: 1000 }), "{error}");
    let error = small.open(&[M2M, &[0; 300]].concat(), &Inbound::default()).unwrap_err();
    assert!(matches!(error, OpenError::FrameTooLong { len: 307, limit: 300 }), "{error}");
    let plain = [b'x'; 5000];
    assert_eq!(small.open(&plain, &Inbound::default()).unwrap().payload, &plain[..]);
    let error = small.wrap(&noise(900), &forced(Algorithm::M2m)).unwrap_err();
    assert!(matches!(error, WrapError::FrameTooLong { .. }), "{error}");
    let error =
        Engine::new(Config { limits: Limits { json_depth: 0, ..limits }, ..Config::default() });
    assert!(matches!(error, Err(ConfigError::Limit { name: "json_depth", .. })));
}

const M2M: &[u8] = b"#M2M|1|";

/// Fewer roles than messages, a model's name whose length has wrapped: the reference implementation writes such headers, and opens them.
#[test]
fn a_frame_whose_header_cannot_be_read_opens_if_its_payload_is_whole() {
    let json = br#"{"model":"m","messages":[{"role":"function"}]}"#;
    let cost = [0x6f, 0x12, 0x83, 0x3a];
    let len = u32::try_from(json.len()).unwrap().to_le_bytes();
    let crc32 = [0x67, 0xbe, 0x6c, 0x45];
    let fields = [1, b'm', 1, 0];
    let fixed = [28, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let frame = [M2M, &fixed, &fields, &cost, &len, &crc32, json].concat();
    assert!(frame::peek(&frame).is_err());
    let engine = engine(Config::default());
    for frame in [frame.clone(), frame::to_text(&frame).into_owned()] {
        assert_eq!(engine.open(&frame, &Inbound::default()).unwrap().payload, &json[..]);
    }
    let mut damaged = frame;
    *damaged.last_mut().unwrap() ^= 1;
    let error = engine.open(&damaged, &Inbound::default()).unwrap_err();
    assert!(matches!(error, OpenError::Frame(FrameError::Checksum)), "{error}");
}

#[test]
fn json_that_cannot_be_read_within_the_limits_is_custom_bytes() {
    let scan = ScanConfig { policy: Policies::all(Policy::Off), ..ScanConfig::default() };
    let engine = engine(Config { scan, ..Config::default() });
    let deep = [vec![b'['; 5000], vec![b']'; 5000]].concat();
    let roles = format!(r#"{{"model":"m","messages":[{}{{}}]}}"#, "{},".repeat(300_000));
    for payload in [deep, roles.into_bytes()] {
        let wrapped = engine.wrap(&payload, &Outbound::default()).unwrap();
        assert_eq!(frame::peek(&wrapped.bytes).unwrap().schema.name(), "custom");
        assert_eq!(engine.open(&wrapped.bytes, &Inbound::default()).unwrap().payload, payload);
    }
}

#[test]
fn what_the_reference_gets_wrong_stays_readable() {
    let engine = engine(always());
    let long = "é".repeat(200);
    for (json, model) in [
        (
            r#"{"model":"m","messages":[{"role":"function","content":"x"},{"content":1},7]}"#
                .to_owned(),
            "m",
        ),
        (format!(r#"{{"model":"{long}","messages":[]}}"#), &long[..254]),
        (r#"{"model":"m","messages":[],"max_tokens":null}"#.to_owned(), "m"),
        (
            r#"{"model":"m","messages":[],"max_tokens":-1,"max_completion_tokens":7}"#.to_owned(),
            "m",
        ),
        (r#"{"model":"m","messages":[],"max_tokens":99999999999999999999}"#.to_owned(), "m"),
        (format!(r#"{{"id":"{long}","model":"m","choices":[{{"finish_reason":"new"}}]}}"#), "m"),
    ] {
        let wrapped = engine.wrap(json.as_bytes(), &Outbound::default()).unwrap();
        assert_eq!(frame::peek(&wrapped.bytes).unwrap().model(), model, "{json}");
        assert_eq!(
            engine.open(&wrapped.bytes, &Inbound::default()).unwrap().payload,
            json.as_bytes()
        );
    }
}

/// Reads the process's peak memory from the kernel, so that a bomb that was inflated would show.
#[cfg(target_os = "linux")]
#[test]
fn a_bomb_is_refused_within_the_limits_memory() {
    let peak = || -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    };
    // 256 MiB of one letter, compressed as a stream, so that making the bomb takes no memory either.
    let mut bomb = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
    let mut letters = std::io::Read::take(std::io::repeat(b'a'), 256 << 20);
    brotli::BrotliCompress(&mut letters, &mut bomb, &params).unwrap();
    assert!(bomb.len() < 10_000);
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bomb);
    let brotli_text = [b"#M2M[v3.0]|DATA:", base64.as_bytes()].concat();
    let header = [20, 0, 0xfe, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let len = u32::try_from(bomb.len()).unwrap().to_le_bytes();
    let binary = [M2M, &header, &len, &[0; 4], &bomb].concat();
    let strict = engine(Config {
        limits: Limits { inflated: 1 << 20, ..Limits::default() },
        ..Config::default()
    });
    let before = peak();
    for frame in [binary, brotli_text] {
        let opened = strict.open(&frame, &Inbound::default());
        assert!(matches!(opened, Err(OpenError::PayloadTooLong { limit: 1_048_576 })));
    }
    assert!(peak() - before < 64 << 10, "{} KiB more", peak() - before);
}
