//! NATS headers: the marks of framed payloads, and how long a list is on the wire.

use std::str::FromStr;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use m2m_engine::Opened;
use m2m_engine::bus::headers::{self, ACCEPT, encoding_marked, encoding_unmarked};

/// As NATS applications write it; read in any capitalisation.
pub(crate) const CONTENT_ENCODING: &str = "Content-Encoding";

const KEY: HeaderName = HeaderName::from_static(headers::KEY);
const TOMBSTONE: HeaderName = HeaderName::from_static(headers::TOMBSTONE);

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
fn unmarked(mut map: HeaderMap) -> Option<HeaderMap> {
    let Some((name, values)) = encoding(&map) else { return Some(map) };
    let (name, mut values) = (name.clone(), values.to_vec());
    let last = values.pop()?;
    match encoding_unmarked(last.as_str()) {
        Some(rest) if rest == last.as_str() => return Some(map),
        Some(rest) => values.extend(HeaderValue::from_str(&rest)),
        None => {}
    }
    if values.is_empty() {
        map = without(&map, |other| *other == name);
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

/// Puts the engine's headers in the place of all that stand under their names.
///
/// # Errors
/// The name of one that NATS cannot carry.
pub(crate) fn replace_engines(
    map: &mut HeaderMap,
    added: &[(&'static str, String)],
) -> Result<(), &'static str> {
    if map.iter().any(|(name, _)| headers::is_engines(text(name))) {
        *map = without(map, |name| headers::is_engines(text(name)));
    }
    for (name, value) in added {
        let value = HeaderValue::from_str(value).map_err(|_| *name)?;
        map.append(HeaderName::from_str(name).map_err(|_| *name)?, value);
    }
    Ok(())
}

/// The headers of an opened message, as the application is to see them: without the mark, and with our own verdict in the place of its
/// sender's where we flag it; `None` when no header is left.
pub(crate) fn opened(map: HeaderMap, opened: &Opened<'_>) -> Option<HeaderMap> {
    let mut map = if opened.is_framed() { unmarked(map).unwrap_or_default() } else { map };
    if let Some((name, value)) = opened.verdict.header()
        && let (Ok(known), Ok(value)) = (HeaderName::from_str(name), HeaderValue::from_str(&value))
    {
        map = without(&map, |other| text(other).eq_ignore_ascii_case(name));
        set(&mut map, known, value);
    }
    (!map.is_empty()).then_some(map)
}

/// The headers that the engine reads; nothing is allocated where there are none.
pub(crate) fn engines(map: Option<&HeaderMap>) -> Vec<(&str, &str)> {
    let all = map.into_iter().flat_map(HeaderMap::iter);
    let engines = all.filter(|(name, _)| headers::is_engines(text(name)));
    engines
        .flat_map(|(name, values)| values.iter().map(move |value| (text(name), value.as_str())))
        .collect()
}

/// The Kafka key of a message that a relay has brought, or that is to become one of Kafka's.
pub(crate) fn key(map: Option<&HeaderMap>) -> Option<&[u8]> {
    map?.get(KEY).map(|value| value.as_str().as_bytes())
}

/// Whether an empty payload stands for a null one (Kafka's tombstone).
pub(crate) fn is_tombstone(map: Option<&HeaderMap>) -> bool {
    map.and_then(|map| map.get(TOMBSTONE)).is_some_and(|value| value.as_str() == "1")
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
fn without(map: &HeaderMap, goes: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut rest = HeaderMap::new();
    for (other, values) in map.iter().filter(|(name, _)| !goes(name)) {
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
    fn the_engines_headers_take_the_place_of_what_stands_there() {
        let mut sent =
            map(&[("m2m-stamp", "old"), ("M2M-Key-Id", "a"), ("M2M-Key-Id", "b"), ("x", "y")]);
        let mut found = engines(Some(&sent));
        found.sort_unstable();
        assert_eq!(found, [("M2M-Key-Id", "a"), ("M2M-Key-Id", "b"), ("m2m-stamp", "old")]);
        replace_engines(&mut sent, &[("m2m-stamp", "new".to_owned())]).unwrap();
        assert_eq!(sent, map(&[("m2m-stamp", "new"), ("x", "y")]));
        replace_engines(&mut sent, &[]).unwrap();
        assert_eq!(sent, map(&[("x", "y")]));
        let refused = replace_engines(&mut sent, &[("m2m-stamp", "two\nlines".to_owned())]);
        assert_eq!(refused, Err("m2m-stamp"));
    }

    #[test]
    fn tombstones_and_keys_of_kafka_are_known_by_their_headers() {
        let gone = map(&[("m2m-tombstone", "1"), ("m2m-key", "order-17")]);
        assert!(is_tombstone(Some(&gone)));
        assert_eq!(key(Some(&gone)), Some(b"order-17".as_slice()));
        assert!(!is_tombstone(Some(&map(&[("m2m-tombstone", "0")]))));
        assert!(!is_tombstone(None) && key(None).is_none());
    }

    #[test]
    fn lengths_are_those_of_the_wire() {
        assert_eq!(wire_len(&map(&[])), 0);
        let wire = "NATS/1.0\r\na: 1\r\na: two\r\nB: \r\n\r\n";
        assert_eq!(wire_len(&map(&[("a", "1"), ("a", "two"), ("B", "")])), wire.len());
    }
}
