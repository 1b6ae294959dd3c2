#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test may panic")]

use super::*;

fn all() -> Vec<Message> {
    written().into_iter().flat_map(|script| script.messages.map(Result::unwrap)).collect()
}

#[test]
fn the_same_messages_every_time() {
    assert_eq!(all(), all());
}

#[test]
fn requests_grow_and_other_kinds_are_among_them() {
    let messages = all();
    let lens: Vec<usize> = messages
        .iter()
        .filter(|message| message.conversation == "travel.00")
        .filter(|message| message.payload.windows(12).any(|part| part == b"\"tool_choice"))
        .map(|message| message.payload.len())
        .collect();
    assert!(lens.len() > 5 && lens.is_sorted_by(|a, b| a < b), "{lens:?}");
    let json =
        |message: &Message| serde_json::from_slice::<serde_json::Value>(&message.payload).is_ok();
    assert!(messages.iter().any(|message| message.payload.len() < 48));
    assert!(messages.iter().any(|message| !json(message) && message.payload.is_ascii()));
    assert!(messages.iter().any(|message| std::str::from_utf8(&message.payload).is_err()));
}
