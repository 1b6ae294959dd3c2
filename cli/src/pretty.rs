//! JSON over several lines: only white space changes, so that numbers, escapes, order and repeated keys stay as they were sent.

use m2m_engine::json::{Event, JsonError, Reader};

const MAX_DEPTH: usize = 1024;

/// `None` when it is not JSON, or nests deeper than 1024.
pub(crate) fn pretty(json: &[u8]) -> Option<Vec<u8>> {
    lay_out(json).ok()
}

fn lay_out(json: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut reader = Reader::new(json, MAX_DEPTH)?;
    let mut out = Vec::with_capacity(json.len() * 2);
    // An opened container that is still empty; a key that waits for its value.
    let (mut empty, mut after_key) = (true, false);
    loop {
        let outside = reader.depth();
        let event = reader.next_event()?;
        let text = json.get(reader.range()).unwrap_or_default();
        match event {
            Event::End => return Ok(out),
            Event::ObjectEnd | Event::ArrayEnd => {
                if !empty {
                    new_line(&mut out, reader.depth());
                }
                empty = false;
            }
            _ => {
                if outside > 0 && !after_key {
                    if !empty {
                        out.push(b',');
                    }
                    new_line(&mut out, outside);
                }
                empty = matches!(event, Event::ObjectStart | Event::ArrayStart);
            }
        }
        out.extend_from_slice(text);
        after_key = matches!(event, Event::Key(_));
        if after_key {
            out.extend_from_slice(b": ");
        }
    }
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + depth * 2, b' ');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::pretty;

    #[test]
    fn only_white_space_changes() {
        let json = br#" { "b":[1.0,2e400, {} ,[ ]],"a" : "\u00e9\n","a":null} "#;
        let laid_out = "{\n  \"b\": [\n    1.0,\n    2e400,\n    {},\n    []\n  ],\n  \"a\": \"\\u00e9\\n\",\n  \"a\": null\n}";
        assert_eq!(String::from_utf8(pretty(json).unwrap()).unwrap(), laid_out);
        assert_eq!(pretty(b" 12 ").unwrap(), b"12");
        assert_eq!(pretty(b"[]").unwrap(), b"[]");
    }

    #[test]
    fn what_is_not_json_is_left_alone() {
        for text in ["", "{", "[1,]", "hello", "[1] 2", "\u{feff}[]"] {
            assert_eq!(pretty(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(pretty(&b"[".repeat(2000)), None);
    }

    #[test]
    fn the_layout_is_the_one_that_serde_json_gives() {
        let value = serde_json::json!({"a": [1, {"b": []}, "x"], "c": {"d": {}, "e": true}});
        let laid_out = serde_json::to_vec_pretty(&value).unwrap();
        assert_eq!(pretty(&serde_json::to_vec(&value).unwrap()).unwrap(), laid_out);
        assert_eq!(pretty(&laid_out).unwrap(), laid_out);
    }
}
