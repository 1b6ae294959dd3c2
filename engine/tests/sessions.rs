//! What comes for a session, whatever it is: the body of the fuzz target, on random bytes and on messages that were damaged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;

use m2m_engine::{Engine, fuzz};
use proptest::prelude::*;

fn engine() -> Arc<Engine> {
    Arc::new(fuzz::engine())
}

/// The reference implementation's messages.
fn messages() -> Vec<String> {
    let lines = include_str!("vectors/interop.jsonl").lines();
    let lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let sessions = lines.filter(|line| line["name"].as_str().unwrap().starts_with("session_"));
    sessions.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_taken_or_refused(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::session(&engine(), &data);
    }

    #[test]
    fn damaged_messages_are_taken_or_refused(
        message in prop::sample::select(messages()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let engine = engine();
        fuzz::session(&engine, message.as_bytes());
        let mut bytes = message.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz::session(&engine, &bytes);
        bytes.truncate(cut.index(bytes.len()));
        fuzz::session(&engine, &bytes);
    }
}
