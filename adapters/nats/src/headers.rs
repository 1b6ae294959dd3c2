//! NATS headers: the marks of framed payloads, and how long a list is on the wire.

use std::str::FromStr;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use m2m_engine::bus::headers::{self, ACCEPT, encoding_marked, encoding_unmarked};

/// As NATS applications write it; read in any capitalisation.
pub(crate) const CONTENT_ENCODING: &str = "Content-Encoding";

/// Present on messages of which a consumer asked for the headers only.
const MESSAGE_SIZE: HeaderName = HeaderName::from_static("Nats-Msg-Size");

pub(crate) fn text(name: &HeaderName) -> &str {
    name.as_ref()
}

/// Notes in the content encoding that the payload is framed; what was there stays in front.
pub(crate) fn mark(map: &mut HeaderMap) {
    let Some((name, values)) = encoding(map) else {
        return insert(map, HeaderName::from_static(CONTENT_ENCODING), encoding_marked(None));
    };
    let (name, mut values) = (name.clone(), values.to_vec());
    let last = values.pop();
    let marked = encoding_marked(last.as_ref().map(HeaderValue::as_str));
    replace(map, &name, values.into_iter().chain(HeaderValue::from_str(&marked)));
}

/// Removes what [`mark`] noted; `None` when no header is left.
pub(crate) fn unmarked(mut map: HeaderMap) -> Option<HeaderMap> {
    let Some((name, values)) = encoding(&map) else { return Some(map) };
    let (name, mut values) = (name.clone(), values.to_vec());
    let last = values.pop()?;
    match encoding_unmarked(last.as_str()) {
        Some(rest) if rest == last.as_str() => return Some(map),
        Some(rest) => values.extend(HeaderValue::from_str(&rest)),
        None => {}
    }
    if values.is_empty() {
        map = without(&map, &name);
    } else {
        replace(&mut map, &name, values.into_iter());
    }
    (!map.is_empty()).then_some(map)
}

/// Says on a request that a framed reply can be read.
pub(crate) fn accept(map: &mut HeaderMap) {
    insert(map, HeaderName::from_static(ACCEPT), "1".to_owned());
}

/// Whether the sender of a request says that it reads framed replies.
pub(crate) fn accepts(map: Option<&HeaderMap>) -> bool {
    map.and_then(|map| map.get(HeaderName::from_static(ACCEPT)))
        .is_some_and(|value| value.as_str() == "1")
}

/// Whether the server says that it left a payload out.
pub(crate) fn lack_payload(map: Option<&HeaderMap>) -> bool {
    map.is_some_and(|map| map.get(MESSAGE_SIZE).is_some())
}

/// Adds a header of the engine's; false when NATS cannot carry it.
pub(crate) fn add(map: &mut HeaderMap, name: &str, value: &str) -> bool {
    match (HeaderName::from_str(name), HeaderValue::from_str(value)) {
        (Ok(name), Ok(value)) => {
            set(map, name, value);
            true
        }
        _ => false,
    }
}

/// Bytes that the list takes on the wire, as the server counts them against its `max_payload`.
pub(crate) fn wire_len(map: &HeaderMap) -> usize {
    if map.is_empty() {
        return 0;
    }
    let lines = map.iter().flat_map(|(name, values)| {
        let name = text(name).len();
        values.iter().map(move |value| name + ": ".len() + value.as_str().len() + "\r\n".len())
    });
    "NATS/1.0\r\n".len() + lines.sum::<usize>() + "\r\n".len()
}

fn encoding(map: &HeaderMap) -> Option<(&HeaderName, &[HeaderValue])> {
    map.iter()
        .find(|(name, _)| text(name).eq_ignore_ascii_case(headers::CONTENT_ENCODING))
        .map(|(name, values)| (name, values.as_slice()))
}

fn insert(map: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_str(&value) {
        set(map, name, value);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "name and value are parsed: nothing is left to panic on"
)]
pub(crate) fn set(map: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    map.insert(name, value);
}

fn replace(map: &mut HeaderMap, name: &HeaderName, mut values: impl Iterator<Item = HeaderValue>) {
    if let Some(first) = values.next() {
        set(map, name.clone(), first);
    }
    for value in values {
        map.append(name.clone(), value);
    }
}

/// The client's map cannot remove.
fn without(map: &HeaderMap, name: &HeaderName) -> HeaderMap {
    let mut rest = HeaderMap::new();
    for (other, values) in map.iter().filter(|(other, _)| *other != name) {
        replace(&mut rest, other, values.iter().cloned());
    }
    rest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]
    use super::*;

    fn map(list: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(HeaderName::from_str(name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn the_mark_comes_last_and_goes_without_a_trace() {
        for before in [
            map(&[]),
            map(&[("a", "1"), ("a", "2"), ("B", "")]),
            map(&[("Content-Encoding", "gzip")]),
            map(&[("content-encoding", "gzip, br"), ("x", "y")]),
            map(&[("Content-Encoding", "gzip"), ("Content-Encoding", "br")]),
        ] {
            let mut marked = before.clone();
            mark(&mut marked);
            let (_, values) = encoding(&marked).unwrap();
            assert!(values.last().unwrap().as_str().ends_with("m2m"), "{values:?}");
            assert_eq!(unmarked(marked).unwrap_or_default(), before);
        }
    }

    #[test]
    fn other_encodings_are_left_alone() {
        let before = map(&[("Content-Encoding", "gzip")]);
        assert_eq!(unmarked(before.clone()), Some(before));
    }

    #[test]
    fn lengths_are_those_of_the_wire() {
        assert_eq!(wire_len(&map(&[])), 0);
        let wire = "NATS/1.0\r\na: 1\r\na: two\r\nB: \r\n\r\n";
        assert_eq!(wire_len(&map(&[("a", "1"), ("a", "two"), ("B", "")])), wire.len());
    }
}
