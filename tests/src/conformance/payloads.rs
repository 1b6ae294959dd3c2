//! Payloads of every kind that an adapter meets.

use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use bytes::Bytes;
use m2m_engine::{Algorithm, Config, Engine, Framing, Outbound, frame};
use serde_json::json;

/// The engine of all tests: loading a tokenizer takes long enough to do it once.
pub(super) fn engine() -> Result<Arc<Engine>> {
    static ENGINE: LazyLock<Option<Arc<Engine>>> = LazyLock::new(|| make(Framing::Auto));
    ENGINE.clone().context("the default engine is refused")
}

/// An engine that frames all JSON.
pub(super) fn framing_engine() -> Result<Arc<Engine>> {
    static ENGINE: LazyLock<Option<Arc<Engine>>> = LazyLock::new(|| make(Framing::Always));
    ENGINE.clone().context("the default engine is refused")
}

/// An engine that only opens.
pub(super) fn opening_engine() -> Result<Arc<Engine>> {
    static ENGINE: LazyLock<Option<Arc<Engine>>> = LazyLock::new(|| make(Framing::Off));
    ENGINE.clone().context("the default engine is refused")
}

fn make(framing: Framing) -> Option<Arc<Engine>> {
    let config = Config { framing, ..Config::default() };
    Engine::new(config).ok().map(Arc::new)
}

/// A chat completion request, some 700 bytes long.
pub(super) fn request() -> Bytes {
    let question =
        "Which of the shipments that left Rotterdam last week are late, and by how much? ";
    json!({
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "You answer questions about shipments, briefly, with their numbers."},
            {"role": "user", "content": question.repeat(6)},
        ],
        "max_tokens": 400,
        "temperature": 0.2,
    })
    .to_string()
    .into()
}

fn response() -> Bytes {
    json!({
        "id": "chatcmpl-A1b2C3", "object": "chat.completion", "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": "Two are late: 4711 by two days, 4712 by five. Größe: 40 ft. 二件。",
        }}],
        "usage": {"prompt_tokens": 121, "completion_tokens": 28, "total_tokens": 149},
    })
    .to_string()
    .into()
}

fn tool_call() -> Bytes {
    json!({
        "model": "claude-3-5-sonnet-latest", "max_tokens": 1024,
        "tools": [{"type": "function", "function": {"name": "find_shipments", "parameters": {
            "type": "object", "properties": {"port": {"type": "string"}, "since": {"type": "string"}},
        }}}],
        "messages": [
            {"role": "user", "content": "Find them."},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {
                "name": "find_shipments", "arguments": "{\"port\":\"Rotterdam\",\"since\":\"2026-11-16\"}",
            }}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "[4711,4712]"},
        ],
    })
    .to_string()
    .into()
}

/// 300 KB of JSON.
fn long_json() -> Bytes {
    let rows: Vec<_> = (0..4000)
        .map(|n| json!({"shipment": n, "port": "Rotterdam", "days_late": n % 11, "note": "held at customs"}))
        .collect();
    json!({"model": "gemini-1.5-pro", "messages": [{"role": "user", "content": "Summarise."}], "rows": rows})
        .to_string()
        .into()
}

/// Bytes that no compression makes smaller, the same for the same seed.
pub(super) fn noise(len: usize, seed: u64) -> Bytes {
    let mut state = seed | 1;
    let bytes = std::iter::repeat_with(|| {
        // xorshift64*: enough to keep Brotli from finding anything.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()
    });
    bytes.flatten().take(len).collect()
}

/// A payload as an M2M frame.
pub(super) fn frame(payload: &[u8]) -> Result<Bytes> {
    let outbound = Outbound { algorithm: Some(Algorithm::M2m), ..Outbound::default() };
    Ok(Bytes::copy_from_slice(&engine()?.wrap(payload, &outbound)?.bytes))
}

/// The request as a frame of each form that can stand on a bus.
pub(super) fn frames() -> Result<Vec<(&'static str, Bytes)>> {
    let engine = engine()?;
    let request = request();
    let wrap = |algorithm| {
        let outbound = Outbound { algorithm: Some(algorithm), ..Outbound::default() };
        let wrapped = engine.wrap(&request, &outbound)?;
        anyhow::ensure!(wrapped.is_framed(), "{algorithm:?} framed nothing");
        anyhow::Ok(Bytes::copy_from_slice(&wrapped.bytes))
    };
    let binary = wrap(Algorithm::M2m)?;
    let text = Bytes::copy_from_slice(&frame::to_text(&binary));
    Ok(vec![
        ("an M2M frame", binary),
        ("an M2M frame in text", text),
        ("a token-native frame", wrap(Algorithm::TokenNative)?),
        ("a Brotli frame", wrap(Algorithm::Brotli)?),
    ])
}

/// One payload of each kind, with its name.
pub(super) fn every_kind() -> Result<Vec<(&'static str, Bytes)>> {
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    gzip.extend_from_slice(&noise(2000, 7));
    let mut kinds: Vec<(&'static str, Bytes)> = vec![
        ("empty", Bytes::new()),
        ("one byte", Bytes::from_static(b"\0")),
        ("not UTF-8", Bytes::from_static(b"\xff\xfe\0\x80 not text \xc3\x28")),
        ("long and not UTF-8", b"\xf0\x28\x8c\xbc".repeat(500).into()),
        ("not JSON", "a line of a log, again and again\r\n".repeat(40).into()),
        ("nearly JSON", "{\"model\": \"gpt-4o\", ".repeat(40).into()),
        ("small JSON", Bytes::from_static(br#"{"ok":true}"#)),
        ("JSON null", Bytes::from_static(b"null")),
        ("a request", request()),
        ("a response", response()),
        ("a tool call", tool_call()),
        ("already compressed", gzip.into()),
        ("noise", noise(3000, 42)),
        ("text that begins as M2M", Bytes::from_static(b"#M2M|1| is how a frame begins")),
        ("the M2M prefix alone", Bytes::from_static(b"#M2M|1|")),
        ("text that begins as token-native", Bytes::from_static(b"#TK|C|no base64, sorry")),
        ("text that begins as Brotli", Bytes::from_static(b"#M2M[v3.0]|DATA:%%%")),
        ("300 KB of JSON", long_json()),
    ];
    kinds.extend(frames()?);
    Ok(kinds)
}
