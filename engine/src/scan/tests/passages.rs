//! What is read, and where it is said to stand.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn found(payload: &[u8]) -> Vec<Finding> {
    alert(ScanConfig::default()).judge(payload).findings
}

#[test]
fn escapes_are_undone_before_looking_and_ranges_are_of_the_payload() {
    for json in [
        r#"{"a":["","x","\u0062etray us"]}"#,
        r#"{"a":["",0,"\u0062\u0065\u0074\u0072\u0061\u0079"]}"#,
        r#" { "a" : [ null , {} , "\n\t\"\ud83d\ude00 betr\u0061y\/" ] } "#,
        r#"{"a":[[],false,"Grüße \u00e9 betra\u0079"]}"#,
    ] {
        let [finding] = &found(json.as_bytes())[..] else { panic!("{json}") };
        assert_eq!(finding.pointer, "/a/2", "{json}");
        let slice = &json[finding.range.clone()];
        let said: String = serde_json::from_str(&format!("\"{slice}\"")).unwrap();
        assert_eq!(said, "betray", "{json}");
    }
}

#[test]
fn json_within_a_string_is_unescaped_once_more() {
    for inner in [r#"{"note":"\u0062etray"}"#, r#" ["\u0062etr\u0061y \"it\""]"#] {
        let json = serde_json::json!({ "result": { "content": [{ "text": inner }] } }).to_string();
        let findings = found(json.as_bytes());
        let [finding] = &findings[..] else { panic!("{json}: {findings:?}") };
        assert_eq!(finding.pointer, "/result/content/0/text");
        assert!(
            json[finding.range.clone()].ends_with(['y', '1']),
            "{}",
            &json[finding.range.clone()]
        );
    }
    assert_eq!(
        found(br#"{"a":"{\"x\":\"betray\",\"y\":\"\\n\"}"}"#).len(),
        1,
        "found once, told once"
    );
}

#[test]
fn names_of_members_are_read_too() {
    let json = br#"{"a/b~":{"you must betray them":1}}"#;
    let [finding] = &found(json)[..] else { panic!() };
    assert_eq!(finding.pointer, "/a~1b~0/you must betray them");
    assert_eq!(&json[finding.range.clone()], b"betray");
}

#[test]
fn what_is_no_json_is_one_text() {
    for (payload, at) in [
        (&b"now betray them"[..], 4),
        (b"\"quoted\" and betray", 13),
        (b"1. betray", 3),
        (b"{\"a\":1} and then betray", 17),
        (b"{\"a\":\"cut off betray", 14),
        (b"{\"a\":1}\n[\"second\"]\n{\"b\":\"betray\"}", 25),
        (b"caf\xe9 au lait betray, s'il te pla\xeet, tout de suite", 13),
        (b"what of this: bet\xffray", 14),
    ] {
        let findings = found(payload);
        let text = String::from_utf8_lossy(payload);
        let finding =
            findings.iter().find(|f| f.rule == "betray").unwrap_or_else(|| panic!("{text}"));
        assert_eq!(finding.range.start, at, "{text}");
        assert!(payload[finding.range.clone()].starts_with(b"bet"), "{text}");
        assert!(payload[finding.range.clone()].ends_with(b"ray"), "{text}");
    }
}

#[test]
fn documents_in_a_row_are_read_as_json_each() {
    let lines = b"{\"a\":\"fine\"}\n{\"b\":[\"\\u0062etray\"]}\n";
    let [finding] = &found(lines)[..] else { panic!() };
    assert_eq!((finding.pointer.as_str(), finding.range.clone()), ("/b/0", 20..31));
}

#[test]
fn a_document_after_what_divides_none_is_read_as_text() {
    for divider in ["\u{c}", "\u{c}[", ",", "\n]"] {
        let payload = format!("[]{divider}[\"betray\"");
        let findings = found(payload.as_bytes());
        assert!(findings.iter().any(|finding| finding.rule == "betray"), "{payload:?}");
    }
}

#[test]
fn words_of_protocols_are_passed_over_only_where_rules_find_nothing_in_them() {
    let payload = br#"{"type":"function","parameters":{"type":"object","reasoning_tokens":1}}"#;
    assert!(found(payload).is_empty());
    for word in ["function", "obj", "tokens"] {
        let rules = Words(vec![(word, Category::Injection, 0.9)]);
        let verdict = engine(ScanConfig::default(), rules).judge(payload);
        assert_eq!(verdict.findings.len(), 1, "{word}");
    }
    // Whoever says them: here only a tool.
    struct OfTools;
    impl Scan for OfTools {
        fn scan(&self, passage: &Passage<'_>, findings: &mut Vec<Finding>) {
            if passage.speaker == Speaker::Tool {
                findings.push(Finding::new("any", Category::Injection, 0.9, 0..1));
            }
        }
    }
    let result = br#"{"messages":[{"role":"tool","content":"string"}]}"#;
    let verdict = engine(ScanConfig::default(), OfTools).judge(result);
    assert_eq!(verdict.findings.len(), 1);
}

#[test]
fn deep_places_are_told_after_many_strings() {
    let many = (0..200_000).map(|n| format!("{{\"k\":\"string {n}\"}}"));
    let list = many
        .collect::<Vec<_>>()
        .chunks(5_000)
        .map(|c| format!("[{}]", c.join(",")))
        .collect::<Vec<_>>();
    let json = format!("{{\"a\":{{\"list\":[{}],\"z\":\"betray\"}}}}", list.join(","));
    let [finding] = &found(json.as_bytes())[..] else { panic!() };
    assert_eq!(finding.pointer, "/a/z");
}

#[test]
fn a_pointer_is_cut_where_names_are_long() {
    let json = format!("{{\"{}\":\"betray\"}}", "é".repeat(5_000));
    let [finding] = &found(json.as_bytes())[..] else { panic!() };
    assert!(
        finding.pointer.len() <= 1024
            && json.starts_with(&format!("{{\"{}", &finding.pointer[1..]))
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        any::<(String, String)>().prop_map(|(a, b)| format!("{a}betray{b}").into()),
    ];
    let names = prop_oneof![any::<String>(), "(role|content|messages|type|a/b|~)"];
    // Names are read as well, and are not what this is about.
    let names = names.prop_filter("says it", |name| !name.contains("betray"));
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(names.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same JSON with some characters of its strings written as escapes.
fn escaped(json: &str, every: usize) -> String {
    let mut out = String::new();
    for (at, char) in json.chars().enumerate() {
        if char.is_ascii_lowercase() && at % every == 0 {
            out.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            out.push(char);
        }
    }
    out
}

proptest! {
    #[test]
    fn every_finding_points_at_its_string(value in any_json(), every in 1..5_usize) {
        fn write(value: &Value, every: usize, out: &mut String) {
            match value {
                Value::String(text) => {
                    let plain = text.chars().all(|c| !c.is_control() && c != '"' && c != '\\');
                    let json = Value::from(text.as_str()).to_string();
                    out.push_str(&if plain { escaped(&json, every) } else { json });
                }
                Value::Array(items) => {
                    out.push('[');
                    for (at, item) in items.iter().enumerate() {
                        out.push_str(if at > 0 { " , " } else { "" });
                        write(item, every, out);
                    }
                    out.push(']');
                }
                Value::Object(members) => {
                    out.push('{');
                    for (at, (name, value)) in members.iter().enumerate() {
                        out.push_str(if at > 0 { "," } else { "" });
                        out.push_str(&Value::from(name.as_str()).to_string());
                        out.push_str(": ");
                        write(value, every, out);
                    }
                    out.push('}');
                }
                other => out.push_str(&other.to_string()),
            }
        }
        let mut json = String::new();
        write(&value, every, &mut json);
        let value: Value = serde_json::from_str(&json).unwrap();
        for finding in found(json.as_bytes()) {
            let said = value.pointer(&finding.pointer).unwrap().as_str().unwrap();
            prop_assert!(said.contains("betray"));
            let slice = format!("\"{}\"", &json[finding.range.clone()]);
            let slice: String = serde_json::from_str(&slice).unwrap();
            prop_assert_eq!(slice, "betray");
        }
        prop_assert_eq!(!found(json.as_bytes()).is_empty(), said_somewhere(&value));
    }
}

fn said_somewhere(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("betray"),
        Value::Array(items) => items.iter().any(said_somewhere),
        Value::Object(members) => members.values().any(said_somewhere),
        _ => false,
    }
}
