use proptest::prelude::*;
use rdkafka::message::{Header, Headers, OwnedHeaders};

use super::*;

type List = Vec<(String, Option<Vec<u8>>)>;

fn native(list: &List) -> OwnedHeaders {
    list.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: value.as_ref() })
    })
}

fn list(headers: &OwnedHeaders) -> List {
    headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect()
}

fn text(name: &str, value: &str) -> (String, Option<Vec<u8>>) {
    (name.to_owned(), Some(value.as_bytes().to_vec()))
}

#[test]
fn the_mark_goes_behind_what_is_there() {
    let given = vec![text("Content-Encoding", "gzip"), text("x", "y")];
    let marked = marked(Some(&native(&given)), true, &[("m2m-kid", "7".to_owned())]);
    let expected =
        vec![text("Content-Encoding", "gzip, m2m"), text("x", "y"), text("m2m-kid", "7")];
    assert_eq!(list(&marked), expected);
}

#[test]
fn without_headers_the_mark_is_the_only_one() {
    let marked = marked(None, true, &[]);
    assert_eq!(list(&marked), vec![text("content-encoding", "m2m")]);
    assert_eq!(unmarked(marked.as_borrowed()).unwrap().count(), 0);
}

#[test]
fn what_is_not_framed_is_not_marked() {
    let given = vec![text("content-encoding", "gzip")];
    let sent = marked(Some(&native(&given)), false, &[("m2m-kid", "7".to_owned())]);
    assert_eq!(list(&sent), vec![text("content-encoding", "gzip"), text("m2m-kid", "7")]);
    assert!(unmarked(sent.as_borrowed()).is_none());
}

#[test]
fn the_engines_headers_take_the_place_of_what_stands_there() {
    let given = native(&vec![
        text("m2m-stamp", "old"),
        text("content-encoding", "gzip"),
        text("M2M-Key-Id", "old"),
        ("m2m-threat".to_owned(), None),
        ("m2m-threat".to_owned(), Some(vec![0xff])),
    ]);
    assert!(has_engines(&given));
    assert_eq!(engines(Some(given.as_borrowed())), [("m2m-stamp", "old"), ("M2M-Key-Id", "old")]);
    let sent = marked(Some(&given), true, &[("m2m-stamp", "new".to_owned())]);
    let expected = vec![text("content-encoding", "gzip, m2m"), text("m2m-stamp", "new")];
    assert_eq!(list(&sent), expected);
    assert!(!has_engines(&native(&vec![text("m2m-accept", "1")])));
}

fn header() -> impl Strategy<Value = (String, Option<Vec<u8>>)> {
    let name = prop_oneof![
        Just("content-encoding".to_owned()),
        Just("Content-Encoding".to_owned()),
        // rdkafka cuts a name at its first zero byte.
        "[^\0]{0,8}",
    ];
    let value = prop_oneof![
        Just(None),
        Just(Some(Vec::new())),
        Just(Some(b"m2m".to_vec())),
        "[a-z]{1,4}(, [a-z0-9]{1,4}){0,2}".prop_map(|value| Some(value.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..8)
            .prop_filter("spaces around it", |v| std::str::from_utf8(v).map(str::trim)
                == std::str::from_utf8(v))
            .prop_map(Some),
    ];
    (name, value)
}

proptest! {
    /// Nulls, repeated names, bytes and order included.
    #[test]
    fn unmarking_gives_back_what_was_marked(given in prop::collection::vec(header(), 0..6)) {
        let marked = marked(Some(&native(&given)), true, &[]);
        let unmarked = unmarked(marked.as_borrowed()).expect("a mark");
        prop_assert_eq!(list(&unmarked), given);
    }
}
