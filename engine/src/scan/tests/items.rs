//! What is remembered of whole items changes no verdict and no header.

use proptest::prelude::*;

use super::*;
use crate::json::Text;
use crate::{Algorithm, frame};

/// Weak signs too, that depend on who speaks.
struct Strict;

impl Scan for Strict {
    fn scan(&self, passage: &Passage<'_>, findings: &mut Vec<Finding>) {
        if let Some(at) = passage.text.find("obey").filter(|_| passage.speaker != Speaker::Operator)
        {
            findings.push(Finding::new("obey", Category::Injection, 0.9, at..at + 4));
        }
    }
}

fn forgetful() -> Engine {
    engine(ScanConfig { remembered: 0, ..ScanConfig::default() }, Strict)
}

fn remembering() -> Engine {
    engine(ScanConfig::default(), Strict)
}

/// Both say the same of a payload, and frame it alike.
fn agree(remembering: &Engine, payload: &str) {
    let forgetful = forgetful();
    let payload = payload.as_bytes();
    assert_eq!(remembering.judge(payload), forgetful.judge(payload));
    let forced = Outbound { algorithm: Some(Algorithm::M2m), ..Outbound::default() };
    let wrapped = |engine: &Engine| {
        let wrapped = engine.wrap(payload, &forced);
        wrapped.map(|wrapped| (wrapped.bytes.into_owned(), wrapped.verdict)).ok()
    };
    assert_eq!(wrapped(remembering), wrapped(&forgetful));
}

fn message(role: &str, words: &str) -> String {
    let filler = "and so on ".repeat(8);
    format!(r#"{{"role":"{role}","content":"{words} {filler}"}}"#)
}

/// How many items of this payload's list an engine has remembered.
fn remembered(engine: &Engine, list: &str, items: &[String]) -> usize {
    let scanner = engine.screen.scanner.as_ref().unwrap();
    let list = super::super::names::Names::of(&Text::plain(list)).list().unwrap();
    let known = |item: &&String| {
        scanner.items.find(list, item.as_bytes(), 0, false, &mut usize::MAX.clone()).is_some()
    };
    items.iter().filter(known).count()
}

#[test]
fn a_conversation_is_remembered_and_its_header_stays() {
    let engine = remembering();
    let mut messages = vec![message("system", "Be terse, and obey me."), message("user", "Hello.")];
    for turn in 0..5 {
        let payload = format!(r#"{{"model":"gpt-4o","messages":[{}]}}"#, messages.join(","));
        agree(&engine, &payload);
        assert_eq!(remembered(&engine, "messages", &messages), messages.len());
        let frame = engine.wrap(payload.as_bytes(), &Outbound::default()).unwrap().bytes;
        let header = frame::peek(&frame).unwrap();
        let frame::Body::Request(request) = &header.body else { panic!("{header:?}") };
        assert_eq!(request.roles.len(), messages.len());
        messages.push(message("assistant", &format!("Answer {turn}.")));
        messages.push(message("tool", &format!("Result {turn}.")));
    }
}

fn payload_of(messages: &[String]) -> String {
    format!(r#"{{"messages":[{}]}}"#, messages.join(", "))
}

/// How many items of a list an engine knows as a row from its second on.
fn row(engine: &Engine, items: &[String]) -> Option<usize> {
    row_with_facts(engine, items, false)
}

fn row_with_facts(engine: &Engine, items: &[String], wanted: bool) -> Option<usize> {
    let items = items[1..].join(", ");
    let scanner = engine.screen.scanner.as_ref().unwrap();
    let list = super::super::names::List::Messages;
    let known = scanner.items.find_row(list, items.as_bytes(), 0, wanted, &mut usize::MAX.clone());
    known.map(|known| known.count)
}

#[test]
fn a_conversation_sent_again_is_known_as_one() {
    let engine = remembering();
    let turn = |turn: usize| message(["user", "assistant"][turn % 2], &format!("Turn {turn}."));
    let mut messages: Vec<String> = (0..9).map(turn).collect();
    agree(&engine, &payload_of(&messages));
    assert_eq!(row(&engine, &messages), None, "it may never be sent again");
    for turns in 9..15 {
        messages.push(turn(turns));
        agree(&engine, &payload_of(&messages));
        assert_eq!(row(&engine, &messages), Some(turns));
    }
    // Another conversation has the same beginning.
    let mut others = messages.clone();
    others[4] = message("user", "Something else.");
    agree(&engine, &payload_of(&others));
    agree(&engine, &payload_of(&others));
    assert_eq!(row(&engine, &others), Some(14));
    assert_eq!(row(&engine, &messages), None);
    agree(&engine, &payload_of(&messages));
    // What has a finding is told where it stands.
    messages.push(message("user", "Now obey."));
    agree(&engine, &payload_of(&messages));
    let verdict = engine.judge(payload_of(&messages).as_bytes());
    assert_eq!(verdict.findings[0].pointer, "/messages/15/content");
    assert_eq!(row(&engine, &messages), Some(14), "those before it");
}

#[test]
fn conversations_that_begin_with_the_same_tool_are_each_known() {
    let engine = remembering();
    let call = |id: &str| {
        let start = r#"{"role":"assistant","content":[{"type":"tool_use","id":"toolu_01"#;
        format!(r#"{start}{id}","name":"search","input":{{"query":"weather"}}}}]}}"#)
    };
    let conversation = |id: &str, turns: usize| {
        let turn = |turn: usize| message("user", &format!("{id}, turn {turn}."));
        let mut messages = vec![message("user", "Hello."), call(id)];
        messages.extend((0..turns).map(turn));
        messages
    };
    for turns in 3..7 {
        for id in ["AbCdEf", "GhIjKl", "MnOpQr"] {
            agree(&engine, &payload_of(&conversation(id, turns)));
        }
    }
    for id in ["AbCdEf", "GhIjKl", "MnOpQr"] {
        assert_eq!(row(&engine, &conversation(id, 6)), Some(7), "{id}");
    }
}

/// Messages of the operator's that are remembered together are the operator's nowhere else.
#[test]
fn a_row_counts_only_where_it_means_the_same() {
    let engine = remembering();
    let operator = |turn: usize| message("system", &format!("{turn}: you must obey."));
    let messages: Vec<String> = (0..5).map(operator).collect();
    let list = messages.join(", ");
    for _ in 0..3 {
        agree(&engine, &payload_of(&messages));
    }
    assert_eq!(row(&engine, &messages), Some(4));
    for payload in [
        format!(r#"{{"messages":[{list}],"role":"tool"}}"#),
        format!(r#"{{"messages":[{list}],"type":"tool_result"}}"#),
        format!(r#"{{"input":[{list}]}}"#),
        format!(r#"{{"result":{{"messages":[{list}]}}}}"#),
        format!(r#"[{{"messages":[{list}]}}]"#),
        format!(r#"{{"messages":[{list}"#),
        format!(r#"{{"messages":[{list}]x"#),
        format!(r#"{{"messages":[{list},7]}}"#),
        format!(r#"{{"messages":[{list}]}} {{"messages":[{list}"#),
        format!(r#"{{"messages":[{list}],"messages":[{list}]}}"#),
    ] {
        agree(&engine, &payload);
    }
    let broken = format!(r#"{{"messages":[{list}"#);
    assert_eq!(engine.judge(broken.as_bytes()).outcome, Outcome::Flagged);
}

#[test]
fn a_row_keeps_its_facts() {
    let engine = remembering();
    let turn = |turn: usize| message("user", &format!("Turn {turn}."));
    let mut messages: Vec<String> = (0..6).map(turn).collect();
    for _ in 0..3 {
        engine.wrap(payload_of(&messages).as_bytes(), &Outbound::default()).unwrap();
    }
    assert_eq!(row_with_facts(&engine, &messages, true), Some(5));
    messages.push(turn(6));
    assert!(engine.judge(payload_of(&messages).as_bytes()).findings.is_empty());
    assert_eq!(row_with_facts(&engine, &messages, true), Some(5));
    agree(&engine, &payload_of(&messages));
    assert_eq!(row_with_facts(&engine, &messages, true), Some(6));
}

#[test]
fn rows_are_bounded() {
    let engine = remembering();
    let turn = |turn: usize| message("user", &format!("Turn {turn}."));
    for (items, known) in [(513, Some(512)), (514, None)] {
        let messages: Vec<String> = (0..items).map(|at| turn(items * 1000 + at)).collect();
        for _ in 0..2 {
            assert!(engine.judge(payload_of(&messages).as_bytes()).findings.is_empty());
        }
        assert_eq!(row(&engine, &messages), known);
    }
}

#[test]
fn what_follows_a_row_is_remembered_with_it_alone() {
    let engine = remembering();
    let judge = |messages: &[String]| {
        assert!(engine.judge(payload_of(messages).as_bytes()).findings.is_empty());
    };
    let alone = |messages: &[String]| remembered(&engine, "messages", messages);
    let turn = |turn: usize| message("user", &format!("Turn {turn}."));
    let mut messages: Vec<String> = (0..5).map(turn).collect();
    judge(&messages);
    messages.push(turn(5));
    judge(&messages);
    assert_eq!((row(&engine, &messages), alone(&messages)), (Some(5), 6));
    for new in 6..9 {
        messages.push(turn(new));
        judge(&messages);
        assert_eq!((row(&engine, &messages), alone(&messages)), (Some(new), 6));
    }
    // Another conversation that begins alike takes the row, and this one is read once more.
    let mut other: Vec<String> = messages.iter().take(5).cloned().collect();
    other.push(turn(50));
    judge(&other);
    assert_eq!((row(&engine, &messages), alone(&messages)), (None, 6));
    judge(&messages);
    assert_eq!((row(&engine, &messages), alone(&messages)), (Some(8), 9));
}

#[test]
fn what_follows_a_row_that_cannot_grow_is_remembered_by_itself() {
    let engine = remembering();
    let turn = |turn: usize| message("user", &format!("Turn {turn}."));
    let mut messages: Vec<String> = (0..513).map(turn).collect();
    for new in [513, 514] {
        for _ in 0..2 {
            assert!(engine.judge(payload_of(&messages).as_bytes()).findings.is_empty());
            assert_eq!(remembered(&engine, "messages", &messages), messages.len());
        }
        messages.push(turn(new));
    }
    // Nor is what follows one whose facts this reading does not know.
    let wrap = |messages: &[String]| {
        engine.wrap(payload_of(messages).as_bytes(), &Outbound::default()).unwrap();
    };
    let mut messages: Vec<String> = (1000..1006).map(turn).collect();
    wrap(&messages);
    messages.push(turn(1006));
    wrap(&messages);
    messages.push(turn(1007));
    assert!(engine.judge(payload_of(&messages).as_bytes()).findings.is_empty());
    assert_eq!(remembered(&engine, "messages", &messages), 8);
}

#[test]
fn items_of_a_row_count_as_the_array_s() {
    let limits = StructureLimits { array: 10, ..StructureLimits::default() };
    let new = |remembered: usize| {
        engine(ScanConfig { limits, remembered, ..ScanConfig::default() }, Strict)
    };
    let engine = new(1 << 10);
    let mut messages = vec![message("user", "Hello.")];
    for turn in 0..12 {
        messages.push(message("user", &format!("Turn {turn}.")));
        let payload = format!(r#"{{"messages":[{}]}}"#, messages.join(","));
        for _ in 0..2 {
            let verdict = engine.judge(payload.as_bytes());
            assert_eq!(verdict, new(0).judge(payload.as_bytes()));
            assert_eq!(verdict.outcome == Outcome::Blocked, messages.len() > 10);
        }
    }
}

#[test]
fn what_was_found_is_not_passed_over() {
    let engine = remembering();
    let messages = [message("user", "Hello."), message("user", "Now obey.")];
    let payload = format!(r#"{{"messages":[{}]}}"#, messages.join(","));
    for _ in 0..3 {
        let verdict = engine.judge(payload.as_bytes());
        assert_eq!(verdict.outcome, Outcome::Flagged);
        assert_eq!(verdict.findings[0].pointer, "/messages/1/content");
        assert_eq!(&payload[verdict.findings[0].range.clone()], "obey");
        assert_eq!(remembered(&engine, "messages", &messages), 0);
    }
    let clean = format!(r#"{{"messages":[{}]}}"#, messages[0]);
    agree(&engine, &clean);
    assert_eq!(remembered(&engine, "messages", &messages), 1);
    agree(&engine, &payload);
}

/// A message of the operator's that is remembered is the operator's nowhere else.
#[test]
fn what_is_remembered_counts_only_where_it_means_the_same() {
    let engine = remembering();
    let operator = message("system", "You must obey.");
    agree(&engine, &format!(r#"{{"messages":[{operator}]}}"#));
    assert_eq!(remembered(&engine, "messages", std::slice::from_ref(&operator)), 1);
    for payload in [
        format!(r#"{{"messages":[{operator}],"role":"tool"}}"#),
        format!(r#"{{"messages":[{operator}],"type":"tool_result"}}"#),
        format!(r#"{{"input":[{operator}]}}"#),
        format!(r#"{{"tools":[{operator}]}}"#),
        format!(r#"{{"result":{{"messages":[{operator}]}}}}"#),
        format!(r#"[{operator}]"#),
        operator.clone(),
        format!(r#"{{"messages":[{operator}"#),
        format!(r#"{{"messages":[{operator}]}} {{"messages":[{operator}"#),
        format!(r#"{{"messages":[{operator}]}}{{"messages":[{operator}]}}"#),
        format!(r#"{{"messages":[{operator}],"messages":[{operator}]}}"#),
        format!(r#"{{"messages":{operator}}}"#),
        format!(r#"{{"messages":[[{operator}]]}}"#),
        format!(r#"{{"messages":[{operator}]x"#),
        format!(r#"{{"messages":[{}]}}"#, operator.replace('m', "n")),
    ] {
        agree(&engine, &payload);
    }
    // It was the operator's in each of those that were whole, and nobody's in the others.
    let broken = format!(r#"{{"messages":[{operator}"#);
    assert_eq!(engine.judge(broken.as_bytes()).outcome, Outcome::Flagged);
}

#[test]
fn lookups_in_vain_are_bounded() {
    let engine = remembering();
    let scanner = engine.screen.scanner.as_ref().unwrap();
    let list = super::super::names::List::Messages;
    // Alike for longer than an item is looked up by.
    let (known, other) =
        (message("user", "Hello."), message("user", "Hello.").replace("so on \"", "so 0n \""));
    assert_ne!(known, other);
    scanner.items.store(list, known.as_bytes(), None);
    let mut budget = known.len() + 1;
    assert!(scanner.items.find(list, other.as_bytes(), 0, false, &mut budget).is_none());
    assert_eq!(budget, 1);
    assert!(scanner.items.find(list, known.as_bytes(), 0, false, &mut budget).is_none());
    budget = known.len();
    assert!(scanner.items.find(list, known.as_bytes(), 0, false, &mut budget).is_some());
    assert_eq!(budget, known.len());
    // A row that ends as the one that is known does, too.
    let row = [&*known; 4].join(",");
    let other = [&*known, &*known, &*other, &*known].join(",");
    scanner.items.store_row(list, row.as_bytes(), 4, &[], None);
    assert!(scanner.items.find_row(list, other.as_bytes(), 0, false, &mut budget).is_none());
    assert_eq!(budget, known.len(), "too little to look at all");
    budget = row.len() + 1;
    assert!(scanner.items.find_row(list, other.as_bytes(), 0, false, &mut budget).is_none());
    assert_eq!(budget, 1);
    budget = row.len();
    assert!(scanner.items.find_row(list, row.as_bytes(), 0, false, &mut budget).is_some());
    assert_eq!(budget, row.len());
}

fn any_message() -> impl Strategy<Value = String> {
    let role = prop::sample::select(vec!["system", "user", "assistant", "tool", "function"]);
    let words = prop::sample::select(vec!["hello", "obey", "a\\n\\u0062c", "x"]);
    (role, words, any::<bool>()).prop_map(|(role, words, parts)| {
        let message = message(role, words);
        if !parts {
            return message;
        }
        format!(
            r#"{{"content":[{{"type":"text","text":{:?}}}],"role":"{role}"}}"#,
            "part ".repeat(20)
        )
    })
}

fn any_document() -> impl Strategy<Value = String> {
    let list = prop::sample::select(vec!["messages", "input", "contents", "tools", "other"]);
    let lists = prop::collection::vec((list, prop::collection::vec(any_message(), 0..5)), 0..3);
    let tail = prop::sample::select(vec!["}", r#","role":"user"}"#, r#","model":"m"}"#, ""]);
    (lists, tail).prop_map(|(lists, tail)| {
        let members: Vec<String> = lists
            .iter()
            .map(|(name, items)| format!(r#""{name}":[{}]"#, items.join(",")))
            .collect();
        format!("{{{}{tail}", members.join(","))
    })
}

proptest! {
    #[test]
    fn memory_changes_nothing(documents in prop::collection::vec(any_document(), 1..8)) {
        let engine = remembering();
        for document in &documents {
            agree(&engine, document);
        }
        agree(&engine, &documents.concat());
    }

    #[test]
    fn conversations_grow_and_change(
        list in prop::sample::select(vec!["messages", "input", "tools"]),
        start in prop::collection::vec(any_message(), 1..4),
        turns in prop::collection::vec((any_message(), any::<prop::sample::Index>(), 0..4_usize), 1..8),
    ) {
        let engine = remembering();
        let mut items = start;
        for (item, at, change) in turns {
            let at = at.index(items.len());
            match change {
                0 => items[at] = item,
                1 => items.insert(at, "7".to_owned()),
                _ => items.push(item),
            }
            let document = format!(r#"{{"model":"m","{list}":[{}]}}"#, items.join(","));
            agree(&engine, &document);
            agree(&engine, &document);
        }
    }
}
