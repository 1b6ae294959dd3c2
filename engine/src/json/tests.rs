#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::block::at_each_level;

/// Rebuilds a value from events, to compare it with serde_json's.
fn build(json: &[u8]) -> Result<Value, JsonError> {
    let mut reader = Reader::new(json, 100)?;
    let event = reader.next_event()?;
    let value = value(&mut reader, json, event)?;
    match reader.next_event()? {
        Event::End => Ok(value),
        other => panic!("{other:?} after the end"),
    }
}

fn value(reader: &mut Reader<'_>, json: &[u8], event: Event<'_>) -> Result<Value, JsonError> {
    let raw = &json[reader.range()];
    Ok(match event {
        Event::Null => Value::Null,
        Event::Bool(bool) => Value::Bool(bool),
        Event::Number(number) => {
            assert_eq!(number.as_bytes(), raw);
            serde_json::from_str(number).unwrap_or(Value::Null)
        }
        Event::String(text) => {
            assert_eq!(raw, format!("\"{}\"", text.raw()).as_bytes());
            assert_eq!(text.unescaped().len(), text.unescaped_len());
            is_unescaped_by_blocks(&text);
            Value::String(text.unescaped().into_owned())
        }
        Event::ArrayStart => {
            let mut items = Vec::new();
            loop {
                match reader.next_event()? {
                    Event::ArrayEnd => break Value::Array(items),
                    event => items.push(value(reader, json, event)?),
                }
            }
        }
        Event::ObjectStart => {
            let mut members = serde_json::Map::new();
            loop {
                match reader.next_event()? {
                    Event::ObjectEnd => break Value::Object(members),
                    Event::Key(key) => {
                        assert_eq!(json[reader.range()], *format!("\"{}\"", key.raw()).as_bytes());
                        let event = reader.next_event()?;
                        members.insert(key.unescaped().into_owned(), value(reader, json, event)?);
                    }
                    other => panic!("{other:?} in an object"),
                }
            }
        }
        other => panic!("{other:?} where a value should be"),
    })
}

fn is_unescaped_by_blocks(text: &Text<'_>) {
    let mut blocks = b"before".to_vec();
    text.unescape_onto(&mut blocks);
    assert_eq!(format!("before{}", text.unescaped()).as_bytes(), blocks);
}

/// Equal verdicts and equal values. serde_json refuses numbers beyond f64, which RFC 8259 allows.
fn agrees(json: &[u8]) {
    match (build(json), serde_json::from_slice::<Value>(json)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(theirs)) if theirs.to_string().contains("number out of range") => {}
        (ours, theirs) => {
            panic!("{:?}: ours {ours:?}, serde_json {theirs:?}", String::from_utf8_lossy(json))
        }
    }
}

#[test]
fn accepts_and_refuses_what_rfc_8259_does() {
    for json in [
        "",
        " ",
        "{",
        "}",
        "[",
        "[]",
        "{}",
        "[,]",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "nul",
        "null",
        "nulll",
        "truefalse",
        "-",
        "-0",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1E-7",
        "1e5",
        "-1.5e+3",
        "+1",
        "0x1",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
        "\"\n\"",
        "\"\t\"",
        "\"\u{7f}\"",
        "\"\\u0000\"",
        "\"\\/\"",
        " [ 1 , { \"a\" : [ ] } ] ",
        "[1]x",
        "[1] []",
        "\u{feff}[]",
        "1e400",
        "{\"a\":1,\"a\":2}",
        "[[[]]]",
        "{\"\\u0061\":1}",
        "\u{a0}1",
        "[1}",
        "{\"a\":1]",
    ] {
        agrees(json.as_bytes());
    }
    agrees(b"\"\xff\"");
    agrees(b"\"\xed\xa0\x80\"");
}

#[test]
fn long_plain_strings_end_where_they_end() {
    at_each_level(|| {
        for len in (0..200).chain(500..530) {
            for end in ["\"", "\\n\"", "\u{1}\"", ""] {
                agrees(format!("\"{}{end}", "é".repeat(len)).as_bytes());
                agrees(format!("[\"{}{end}]", "x".repeat(len)).as_bytes());
            }
        }
    });
}

/// Where the string that `json` begins with ends, or stops being one, byte by byte.
fn end_of_string(json: &[u8]) -> Result<usize, JsonError> {
    let mut at = 1;
    loop {
        let len = match json.get(at..).unwrap_or_default() {
            [b'"', ..] => return Ok(at),
            [b'\\', b'u', digits @ ..] => {
                let digits = digits.iter().take(4).filter(|digit| digit.is_ascii_hexdigit());
                if digits.count() == 4 { 6 } else { 0 }
            }
            [b'\\', next, ..] if br#""\/bfnrt"#.contains(next) => 2,
            [b'\\', ..] | [] | [0..0x20, ..] => 0,
            _ => 1,
        };
        if len == 0 {
            return Err(JsonError::Syntax { at });
        }
        at += len;
    }
}

#[test]
fn what_stands_between_strings_makes_no_difference() {
    let escapes = "\\n".repeat(300);
    for gap in 0..1100 {
        agrees(format!("[\"{escapes}\",{}\"xy\"]", " ".repeat(gap)).as_bytes());
    }
}

#[test]
fn a_nul_is_told() {
    for (json, is_nul) in [
        (r#""\u0000""#, true),
        (r#""a\nb\u0000c""#, true),
        (r#""\\u0000""#, false),
        (r#""\u0001""#, false),
    ] {
        let mut reader = Reader::new(json.as_bytes(), 1).unwrap();
        let Ok(Event::String(text)) = reader.next_event() else { panic!("{json}") };
        assert_eq!(text.has_nul(), is_nul, "{json}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert!(build(&nested(100)).is_ok());
    assert_eq!(build(&nested(101)), Err(JsonError::Depth { at: 100, limit: 100 }));
    assert!(matches!(build(&vec![b'['; 10_000_000]), Err(JsonError::Depth { .. })));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..8)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn escapes_stand_anywhere(text in r#"[a-z\\"/\n\r\t\x00\x08é]{0,200}"#, texts in prop::collection::vec("[a-z\"]{0,90}", 0..20)) {
        at_each_level(|| {
            agrees(&serde_json::to_vec(&text).unwrap());
            agrees(&serde_json::to_vec(&texts).unwrap());
        });
    }

    #[test]
    fn strings_end_where_no_backslash_escapes_their_quote(
        parts in prop::collection::vec(r#"[a-z]{0,70}|[a-z]{440,520}|\\{0,70}|(\\[nu"x/]){0,3}|\\u0041|["\x01]"#, 0..9),
    ) {
        let json = format!("\"{}\"", parts.concat());
        at_each_level(|| {
            let read = Reader::new(json.as_bytes(), 1).unwrap().next_event();
            let end = read.map(|event| {
                let Event::String(text) = event else { panic!("{json}") };
                assert_eq!(text.is_escaped(), text.raw().contains('\\'));
                text.raw().len() + 1
            });
            assert_eq!(end, end_of_string(json.as_bytes()), "{json}");
        });
    }

    #[test]
    fn what_is_no_escape_stands_for_itself(text in r#"([a-z]{0,70}|[\\nu0dbx"/]{0,9}){0,6}"#) {
        at_each_level(|| is_unescaped_by_blocks(&Text::lenient(&text)));
    }

    #[test]
    fn agrees_with_serde_json_on_json(value in any_json(), pretty in any::<bool>()) {
        let json = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        prop_assert!(build(&json).is_ok());
        agrees(&json);
    }

    #[test]
    fn agrees_with_serde_json_on_damaged_json(value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = serde_json::to_vec(&value).unwrap();
        let at = at.index(json.len());
        json[at] = byte;
        agrees(&json);
        json.truncate(at);
        agrees(&json);
    }

    #[test]
    fn agrees_with_serde_json_on_what_looks_like_json(json in r#"[\[\]{}":,0-9eE+.\-a-f\\u \nltrs]{0,24}"#) {
        agrees(json.as_bytes());
    }

    #[test]
    fn agrees_with_serde_json_on_any_bytes(json in prop::collection::vec(any::<u8>(), 0..64)) {
        agrees(&json);
    }
}
