#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use proptest::prelude::*;

use super::headers::{self, Header};
use super::{Envelope, Native, Properties, Replies};

const EVERYTHING: Native =
    Native { key: true, tombstone: true, properties: true, reply_to: true, timestamp: true };

fn full() -> Envelope {
    Envelope {
        key: Some(Bytes::from_static(b"\xff\0key")),
        payload: None,
        headers: vec![Header::text("a", "1"), Header::text("a", "2")],
        properties: Properties {
            content_type: Some("application/json".into()),
            content_encoding: Some("gzip, m2m".into()),
            correlation_id: Some("c".into()),
            reply_to: Some("r".into()),
            message_id: Some("m".into()),
            kind: Some("k".into()),
            app_id: Some("a".into()),
            expiration: Some("60000".into()),
            priority: Some(9),
            persistent: Some(false),
        },
        timestamp_ms: Some(-1),
        ..Envelope::default()
    }
}

#[test]
fn what_is_folded_for_a_poor_broker_unfolds_for_a_rich_one() {
    let mut envelope = full();
    envelope.fold(Native::default());
    assert_eq!(envelope.properties, Properties::default());
    assert_eq!((&envelope.key, &envelope.timestamp_ms), (&None, &None));
    assert_eq!(envelope.payload.as_deref(), Some(&b""[..]));
    assert_eq!(envelope.content_encoding().as_deref(), Some("gzip, m2m"));
    envelope.unfold(EVERYTHING);
    assert_eq!(envelope, full());
}

#[test]
fn folding_for_a_rich_broker_changes_nothing() {
    let mut envelope = full();
    envelope.fold(EVERYTHING);
    assert_eq!(envelope, full());
}

#[test]
fn an_empty_payload_is_no_tombstone_and_a_marked_full_one_neither() {
    let mut envelope = Envelope { payload: Some(Bytes::new()), ..Envelope::default() };
    envelope.fold(Native::default());
    envelope.unfold(EVERYTHING);
    assert_eq!(envelope.payload, Some(Bytes::new()));
    envelope.payload = Some(Bytes::from_static(b"x"));
    envelope.headers.push(Header::text(headers::TOMBSTONE, "1"));
    envelope.unfold(EVERYTHING);
    assert_eq!(envelope.payload.as_deref(), Some(&b"x"[..]));
}

#[test]
fn what_cannot_be_read_stays_a_header_and_a_field_wins() {
    let mut envelope = Envelope {
        headers: vec![
            Header::text(headers::PRIORITY, "high"),
            Header::text(headers::KIND, "of header"),
        ],
        properties: Properties { kind: Some("of property".into()), ..Properties::default() },
        ..Envelope::default()
    };
    let before = envelope.clone();
    envelope.unfold(EVERYTHING);
    assert_eq!(envelope, before);
}

#[test]
fn order_is_kept_by_key_and_else_by_address() {
    let mut envelope = full();
    envelope.address.name = "subject".into();
    assert_eq!(envelope.order_key(), b"\xff\0key");
    envelope.fold(Native::default());
    assert_eq!(envelope.order_key(), b"\xff\0key", "carried as a header");
    headers::take(&mut envelope.headers, headers::KEY);
    assert_eq!(envelope.order_key(), b"subject");
}

#[test]
fn steering_headers_are_carried_renamed() {
    let mut list = vec![Header::text("Nats-Rollup", "all"), Header::text("x", "1")];
    headers::disarm(&mut list, |name| name.starts_with("Nats-"));
    assert_eq!(list, [Header::text("m2m-src-Nats-Rollup", "all"), Header::text("x", "1")]);
}

#[test]
fn the_encoding_mark_is_the_last_token_and_nothing_else() {
    for (before, marked) in [
        (None, "m2m"),
        (Some("gzip"), "gzip, m2m"),
        (Some("gzip, m2m"), "gzip, m2m, m2m"),
        (Some(""), "m2m"),
    ] {
        assert_eq!(headers::encoding_marked(before), marked);
        let left = before.filter(|before| !before.is_empty());
        assert_eq!(headers::encoding_unmarked(marked).as_deref(), left);
    }
    for other in ["gzip", "xm2m", "m2m, gzip", "gzip;m2m"] {
        assert_eq!(headers::encoding_unmarked(other).as_deref(), Some(other));
    }
}

#[test]
fn what_was_added_on_the_way_is_kept_behind_what_was_packed() {
    let packed = vec![Header::text("a", "1"), Header { name: "n".into(), value: None, amqp: None }];
    let mut list = vec![
        Header::text("A", "squeezed"),
        Header::text("new", "2"),
        Header::text(headers::PACKED, headers::pack(&packed)),
    ];
    headers::restore(&mut list);
    assert_eq!(list, [&packed[..], &[Header::text("new", "2")]].concat());
    let mut broken = vec![Header::text(headers::PACKED, "no base64!")];
    headers::restore(&mut broken);
    assert_eq!(broken, [Header::text(headers::PACKED, "no base64!")]);
}

#[test]
fn replies_are_remembered_up_to_a_bound() {
    let replies = Replies::new(2);
    replies.note("a", true);
    replies.note("b", false);
    replies.note("a", false);
    assert_eq!((replies.accepts("a"), replies.accepts("b")), (Some(false), Some(false)));
    replies.note("c", true);
    assert_eq!((replies.accepts("a"), replies.accepts("c")), (None, Some(true)));
}

fn any_header() -> impl Strategy<Value = Header> {
    let bytes =
        || prop::option::of(prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from));
    (any::<String>(), bytes(), bytes()).prop_map(|(name, value, amqp)| Header { name, value, amqp })
}

proptest! {
    #[test]
    fn packed_headers_come_back(list in prop::collection::vec(any_header(), 0..8)) {
        prop_assert_eq!(headers::unpack(&headers::pack(&list)), Some(list));
    }

    #[test]
    fn any_text_is_unpacked_or_refused(text in any::<String>()) {
        if let Some(list) = headers::unpack(&text) {
            prop_assert_eq!(headers::unpack(&headers::pack(&list)), Some(list));
        }
    }
}
