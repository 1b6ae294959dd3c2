//! The mixed traffic that goes through the bridge, and what must hold of it at the other end.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Envelope, Native};
use m2m_engine::{Config, Engine, Framing, Outbound};
use serde_json::json;

use super::place::{Kind, Place};

const MODELS: [&str; 5] =
    ["gpt-4o", "claude-3-5-sonnet", "gemini-1.5-pro", "mistral-large", "llama-3-70b"];

/// `count` messages for a place, of every kind: framed requests and responses of several models, small plain JSON, bytes, empty and
/// null payloads; most with a key, all numbered in a header.
pub(super) fn mixed(place: &Place, count: usize) -> Result<Vec<Envelope>> {
    let engine = Engine::new(Config { framing: Framing::Always, ..Config::default() })?;
    (0..count).map(|number| message(place, &engine, number)).collect()
}

fn message(place: &Place, engine: &Engine, number: usize) -> Result<Envelope> {
    let model = MODELS[number % MODELS.len()];
    let framed = |payload: serde_json::Value| {
        let payload = payload.to_string();
        let wrapped = engine.wrap(payload.as_bytes(), &Outbound::default())?;
        anyhow::Ok(Some(Bytes::copy_from_slice(&wrapped.bytes)))
    };
    let payload = match number % 8 {
        0 | 1 => framed(json!({
            "model": model, "max_tokens": number, "temperature": 0.1,
            "messages": [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": format!("What is {number}?")}],
        }))?,
        2 => framed(json!({
            "id": format!("chatcmpl-{number}"), "model": model, "usage": {"prompt_tokens": number, "completion_tokens": 3},
            "choices": [{"message": {"role": "assistant", "content": "A number."}, "finish_reason": "stop"}],
        }))?,
        3 => Some(format!(r#"{{"n":{number}}}"#).into()),
        4 => Some([&[0xff, 0, 0x80][..], &number.to_be_bytes()].concat().into()),
        5 => Some(Bytes::new()),
        6 => None,
        _ => Some(format!("plain text, number {number}").into()),
    };
    let key = number % 13;
    Ok(Envelope {
        address: place.address(key),
        // Without a key now and then.
        key: (number % 6 != 5).then(|| format!("key-{key}").into()),
        payload,
        headers: vec![
            Header::text("conversation", format!("c-{key}")),
            Header::text("number", number.to_string()),
        ],
        ..Envelope::default()
    })
}

/// The number of a message.
pub(super) fn number(envelope: &Envelope) -> Result<usize> {
    Ok(envelope.header("number").context("a message without a number")?.parse()?)
}

/// Whether all `count` numbers have arrived.
pub(super) fn complete(arrived: &[Envelope], count: usize) -> bool {
    // Cheap enough to be asked for each arrival.
    arrived.len() >= count
        && arrived.iter().filter_map(|envelope| number(envelope).ok()).collect::<HashSet<_>>().len()
            == count
}

/// Nothing lost, nothing changed, and, judged on last copies, nothing reordered within a key. Gives the number of duplicates.
pub(super) fn check(from: &Place, to: &Place, arrived: &[Envelope], count: usize) -> Result<usize> {
    let sent = mixed(from, count)?;
    let mut last = HashMap::new();
    for (position, envelope) in arrived.iter().enumerate() {
        let number = number(envelope)?;
        let original = sent.get(number).with_context(|| format!("{number} was never sent"))?;
        let mut envelope = envelope.clone();
        // Whatever the target has no place for comes back from its headers.
        envelope.unfold(Native {
            key: true,
            tombstone: true,
            properties: true,
            reply_to: true,
            timestamp: true,
        });
        ensure!(envelope.payload == original.payload, "the payload of {number} has changed");
        ensure!(envelope.key == original.key, "the key of {number} is {:?}", envelope.key);
        for name in ["conversation", "number"] {
            let values = (envelope.header(name), original.header(name));
            ensure!(values.0 == values.1, "the header {name} of {number} is {:?}", values.0);
        }
        last.insert(number, position);
    }
    ensure!(last.len() == count, "{} of {count} have arrived", last.len());
    // Kafka spreads what has no key over its partitions.
    let spread = [from, to].iter().any(|place| place.kind == Kind::Kafka);
    let mut latest: HashMap<&Option<Bytes>, (usize, usize)> = HashMap::new();
    for (number, original) in sent.iter().enumerate() {
        if original.key.is_none() && spread {
            continue;
        }
        let key = if original.key.is_none() { continue } else { &original.key };
        let position = last[&number];
        if let Some((before, earlier)) = latest.insert(key, (number, position)) {
            ensure!(earlier < position, "{number} overtook {before} ({key:?})");
        }
    }
    Ok(arrived.len() - count)
}
