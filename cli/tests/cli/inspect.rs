use std::collections::BTreeSet;

use m2m_engine::facts::Facts;

use super::{REQUEST, bytes, json, stdout, vectors};

#[test]
fn its_json_has_the_names_that_route_conditions_use() {
    let names: BTreeSet<&str> = Facts::names().collect();
    for message in [REQUEST, "hello", "#TK|C|AA=="] {
        let facts = json(["inspect", "--json", message], b"");
        let keys = facts.as_object().unwrap().keys().map(String::as_str);
        assert_eq!(keys.collect::<BTreeSet<_>>(), names, "{message}");
    }
}

#[test]
fn it_says_what_the_reference_wrote() {
    for vector in vectors() {
        let name = &vector["name"];
        let m2m = &vector["m2m"];
        let frame = bytes(&m2m["frame_hex"]);
        let facts = json(["inspect", "--json"], &frame);
        assert_eq!(facts["form"], "m2m");
        assert_eq!(facts["size"], frame.len());
        let text_form = m2m["text_form"].as_str().unwrap();
        let text = json(["inspect", "--json"], format!("{text_form}\n").as_bytes());
        assert_eq!((&text["form"], &text["size"]), (&"m2m-text".into(), &text_form.len().into()));
        let plain = json(["inspect", "--json", vector["text"].as_str().unwrap()], b"");
        assert_eq!((&plain["form"], &plain["framed"]), (&"plain".into(), &false.into()));
        for facts in [&facts, &text, &plain] {
            match m2m["schema"].as_u64() {
                Some(1) => {
                    let theirs = &m2m["routing"];
                    assert_eq!(facts["schema"], "request", "{name}");
                    assert_eq!(facts["model"], theirs["model"], "{name}");
                    assert_eq!(facts["msg_count"], theirs["msg_count"], "{name}");
                    assert_eq!(facts["content_hint"], theirs["content_hint"], "{name}");
                    assert_eq!(facts["est_cost_usd"], theirs["est_cost_usd"], "{name}");
                    assert_eq!(facts["max_tokens"], theirs["max_tokens"].as_u64().unwrap_or(0));
                    let roles = facts["roles"].as_array().unwrap().len();
                    assert_eq!(roles, theirs["roles"].as_array().unwrap().len(), "{name}");
                }
                _ => {
                    let theirs = &m2m["response"];
                    assert_eq!(facts["schema"], "response", "{name}");
                    assert_eq!(facts["model"], theirs["model"], "{name}");
                    assert_eq!(facts["id"], theirs["id"], "{name}");
                    assert_eq!(facts["prompt_tokens"], theirs["prompt_tokens"], "{name}");
                    assert_eq!(facts["completion_tokens"], theirs["completion_tokens"], "{name}");
                }
            }
        }
        for mode in ["hmac", "aead"] {
            let secured = json(["inspect", "--json"], &bytes(&vector[mode]["frame_hex"]));
            assert_eq!(secured["security"], mode);
            assert_eq!(secured["model"], facts["model"]);
        }
    }
}

#[test]
fn it_reads_the_header_alone() {
    let frame = stdout(["compress", "-a", "m2m"], REQUEST.as_bytes());
    let whole = json(["inspect", "--json"], &frame);
    assert_eq!((&whole["provider"], &whole["has_tools"]), (&"openai".into(), &true.into()));
    let header_len = usize::from(u16::from_le_bytes([frame[7], frame[8]]));
    let mut header = json(["inspect", "--json"], &frame[..7 + header_len]);
    header["size"] = frame.len().into();
    assert_eq!(header, whole);
    let mut damaged = frame.clone();
    damaged[7 + header_len + 8..].fill(0xff);
    assert_eq!(json(["inspect", "--json"], &damaged), whole);
}

#[test]
fn the_table_says_the_same_to_people() {
    let table = |message: &str| String::from_utf8(stdout(["inspect", message], b"")).unwrap();
    let plain = table(REQUEST);
    assert!(plain.starts_with("A plain payload; its frame would carry this header"), "{plain}");
    for (name, value) in [
        ("provider", "openai"),
        ("model", "gpt-4o"),
        ("roles", "system, user"),
        ("has_tools", "true"),
    ] {
        let row = plain.lines().find(|line| line.contains(&format!("│ {name} ")));
        assert!(row.is_some_and(|row| row.contains(value)), "{name}: {plain}");
    }
    assert!(table("hello").starts_with("A plain payload that is not JSON"));
    let steering = table(r#"{"model":"\u001b[31mred\n","messages":[]}"#);
    assert!(!steering.contains('\u{1b}') && steering.contains(r"\u{1b}[31mred\n"), "{steering}");
}
