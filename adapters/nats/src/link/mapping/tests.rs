#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use proptest::prelude::*;

use super::*;

/// What the server and the client of the other side make of it.
fn over_the_wire(outgoing: Outgoing) -> Message {
    let mut headers = HeaderMap::new();
    for (name, values) in outgoing.headers.iter() {
        for value in values {
            assert!(!value.as_str().contains(['\r', '\n']));
            headers.append(name.clone(), HeaderValue::from_str(value.as_str().trim()).unwrap());
        }
    }
    Message {
        subject: outgoing.subject,
        reply: outgoing.reply,
        payload: outgoing.payload,
        headers: Some(headers),
        status: None,
        description: None,
        length: 0,
    }
}

fn round_trip(envelope: &Envelope) -> Envelope {
    let outgoing = Outgoing::new(envelope.clone(), STREAM).unwrap();
    let mut came = unfold(super::envelope(over_the_wire(outgoing)), STREAM);
    came.unfold(Native { key: true, tombstone: true, reply_to: true, ..Native::default() });
    came
}

fn with_headers(headers: Vec<Header>) -> Envelope {
    Envelope {
        address: Address { name: "a.b".into(), ..Address::default() },
        payload: Some(Bytes::from_static(b"x")),
        headers,
        ..Envelope::default()
    }
}

fn packs(headers: Vec<Header>) -> bool {
    let outgoing = Outgoing::new(with_headers(headers), STREAM).unwrap();
    outgoing.headers.get(HeaderName::from_static(headers::PACKED)).is_some()
}

#[test]
fn only_what_nats_would_lose_is_packed() {
    let text = Header::text;
    assert!(!packs(vec![]));
    assert!(!packs(vec![text("a", "1"), text("a", "2"), text("traceparent", "00-1")]));
    assert!(!packs(vec![text("content-encoding", "m2m"), text("x", "")]));
    assert!(packs(vec![text("b", "1"), text("a", "2")]), "order across names");
    assert!(packs(vec![text("a", "one\ntwo")]), "a line feed");
    assert!(packs(vec![text("a", " padded")]), "white space at an end");
    assert!(packs(vec![text("größe", "1")]), "a name beyond ASCII");
    assert!(packs(vec![text("a b", "1")]), "a name with a space");
    assert!(packs(vec![Header::bytes("a", Bytes::from_static(b"\xff"))]), "bytes");
    assert!(packs(vec![Header { name: "a".into(), value: None, amqp: None }]), "null");
    assert!(packs(vec![text("m2m-headers", "mine")]), "our own name");
}

#[test]
fn the_content_encoding_is_written_as_nats_does_and_read_as_all_do() {
    let envelope = with_headers(vec![Header::text("content-encoding", "gzip, m2m")]);
    let outgoing = Outgoing::new(envelope.clone(), STREAM).unwrap();
    let value = outgoing.headers.get("Content-Encoding").unwrap();
    assert_eq!(value.as_str(), "gzip, m2m");
    assert_eq!(round_trip(&envelope), envelope);
    let capitals = with_headers(vec![Header::text("Content-Encoding", "gzip")]);
    assert_eq!(round_trip(&capitals), capitals);
}

#[test]
fn headers_that_steer_the_server_are_renamed_both_ways() {
    let outgoing = Outgoing::new(
        with_headers(vec![Header::text("Nats-Rollup", "all"), Header::text("nats-msg-id", "1")]),
        STREAM,
    )
    .unwrap();
    for (name, _) in outgoing.headers.iter() {
        assert!(text(name).starts_with("m2m-src-"), "{name}");
    }
    let mut map = HeaderMap::new();
    map.append("Nats-Expected-Stream", "S");
    map.append(ID, "7");
    let names: Vec<String> = read(&map).into_iter().map(|header| header.name).collect();
    assert_eq!(names, ["m2m-src-Nats-Expected-Stream", ORIGINAL_ID]);
    // A packed list can hold anything.
    let mut map = HeaderMap::new();
    map.append(headers::PACKED, headers::pack(&[Header::text("Nats-Rollup", "all")]));
    assert_eq!(read(&map), [Header::text("m2m-src-Nats-Rollup", "all")]);
}

#[test]
fn the_first_id_of_a_message_outlives_those_of_relays() {
    let mut map = HeaderMap::new();
    map.append(ORIGINAL_ID, "of the producer");
    map.append(ID, "of a relay");
    assert_eq!(read(&map), [Header::text(ORIGINAL_ID, "of the producer")]);
}

#[test]
fn what_is_no_subject_is_refused_for_good() {
    let long = "a".repeat(CONTROL_LINE);
    for name in ["", "a b", "a\n", "a..b", ".a", "a.", "a.*", ">", "a\0", long.as_str()] {
        let mut envelope = with_headers(vec![]);
        envelope.address.name = name.to_owned();
        let refused = Outgoing::new(envelope, STREAM).err().unwrap();
        assert!(matches!(refused, SinkError::Subject { .. }), "{name:?}");
    }
    assert!(is_subject("größe.東京") && is_subject("a.b*") && is_subject("$KV.x"));
}

#[test]
fn a_reply_address_that_is_no_subject_travels_as_a_header() {
    let mut envelope = with_headers(vec![]);
    envelope.properties.reply_to = Some("a queue".into());
    let outgoing = Outgoing::new(envelope.clone(), CORE).unwrap();
    assert_eq!(outgoing.reply, None);
    assert_eq!(round_trip(&envelope), envelope);
    envelope.properties.reply_to = Some("replies".into());
    let outgoing = Outgoing::new(envelope.clone(), CORE).unwrap();
    assert_eq!(outgoing.reply.as_deref(), Some("replies"));
    // A lesser broker carried it as a header.
    envelope.fold(STREAM);
    let outgoing = Outgoing::new(envelope, CORE).unwrap();
    assert_eq!(outgoing.reply.as_deref(), Some("replies"));
    assert!(outgoing.headers.is_empty());
}

#[test]
fn the_producers_time_is_carried_once() {
    let mut envelope = with_headers(vec![Header::text(headers::TIMESTAMP, "1")]);
    envelope.timestamp_ms = Some(2);
    let outgoing = Outgoing::new(envelope, STREAM).unwrap();
    let times: Vec<_> = outgoing.headers.get_all(headers::TIMESTAMP).collect();
    assert_eq!(times.len(), 1);
    assert_eq!(times.first().unwrap().as_str(), "1");
}

fn any_header() -> impl Strategy<Value = Header> {
    let name =
        prop_oneof!["[a-cA-C-]{1,3}", "[ -~]{0,6}", any::<String>(), Just("m2m-headers".into())];
    let bytes = || prop::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from);
    let value = prop_oneof![
        "[ -~]{0,8}".prop_map(|text: String| Some(Bytes::from(text))),
        any::<String>().prop_map(|text| Some(Bytes::from(text))),
        bytes().prop_map(Some),
        Just(None),
    ];
    (name, value, prop::option::of(bytes()))
        .prop_map(|(name, value, amqp)| Header { name, value, amqp })
        .prop_filter("is renamed", |header| !steers(&header.name))
        .prop_filter("is a field", |header| {
            let fields = [headers::KEY, headers::TOMBSTONE, headers::TIMESTAMP, headers::REPLY_TO];
            !fields.iter().any(|field| header.name.eq_ignore_ascii_case(field))
        })
}

proptest! {
    #[test]
    fn every_list_of_headers_comes_back(
        list in prop::collection::vec(any_header(), 0..6),
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..6)),
        timestamp_ms in any::<Option<i64>>(),
        payload in prop::option::of(any::<u8>()),
    ) {
        let mut envelope = with_headers(list);
        envelope.key = key.map(Bytes::from);
        envelope.timestamp_ms = timestamp_ms;
        envelope.payload = payload.map(|byte| Bytes::from(vec![byte]));
        prop_assert_eq!(round_trip(&envelope), envelope);
    }
}
