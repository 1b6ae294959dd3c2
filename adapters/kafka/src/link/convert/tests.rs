use m2m_engine::bus::{Native, Properties};
use proptest::prelude::*;
use rdkafka::message::{OwnedMessage, Timestamp};

use super::*;

/// What Kafka makes of an envelope, but for its being somewhere else.
fn through_kafka(mut envelope: Envelope) -> Envelope {
    let headers = fold(&mut envelope);
    let timestamp = envelope.timestamp_ms.map_or(Timestamp::NotAvailable, Timestamp::CreateTime);
    let bytes = |bytes: Option<Bytes>| bytes.map(|bytes| bytes.to_vec());
    let message = OwnedMessage::new(
        bytes(envelope.payload),
        bytes(envelope.key),
        envelope.address.name,
        timestamp,
        2,
        7,
        headers,
    );
    super::envelope(&message, message.headers().map(OwnedHeaders::as_borrowed))
}

fn identified(envelope: &Envelope) -> Envelope {
    Envelope { identity: Some("kafka/chat/2/7".to_owned()), ..envelope.clone() }
}

fn to(name: &str) -> Address {
    Address { name: name.to_owned(), ..Address::default() }
}

#[test]
fn properties_travel_as_headers_and_come_back() {
    let envelope = Envelope {
        address: to("chat"),
        properties: Properties {
            content_type: Some("application/json".to_owned()),
            content_encoding: Some("m2m".to_owned()),
            reply_to: Some("answers".to_owned()),
            priority: Some(4),
            persistent: Some(false),
            ..Properties::default()
        },
        ..Envelope::default()
    };
    let mut came = through_kafka(envelope.clone());
    assert_eq!(came.header("content-type"), Some("application/json"));
    assert_eq!(came.properties, Properties::default());
    came.unfold(Native { properties: true, reply_to: true, ..NATIVE });
    assert_eq!(came, identified(&envelope));
}

#[test]
fn a_key_from_a_broker_without_keys_becomes_one() {
    let envelope = Envelope {
        address: to("chat"),
        payload: Some(Bytes::new()),
        headers: vec![Header::text("m2m-key", "k"), Header::text("m2m-tombstone", "1")],
        ..Envelope::default()
    };
    let mut folded = envelope.clone();
    assert!(fold(&mut folded).is_none());
    assert_eq!((folded.key.as_deref(), &folded.payload), (Some(&b"k"[..]), &None));
}

#[test]
fn times_that_kafka_cannot_keep_travel_as_a_header() {
    for ms in [0, -5, i64::MIN] {
        let envelope =
            Envelope { address: to("chat"), timestamp_ms: Some(ms), ..Envelope::default() };
        let mut folded = envelope.clone();
        assert!(fold(&mut folded).is_some());
        assert_eq!(folded.timestamp_ms, None);
        assert_eq!(through_kafka(envelope.clone()), identified(&envelope));
    }
}

#[test]
fn only_what_kafka_loses_is_packed() {
    let mut plain =
        Envelope { headers: vec![Header::bytes("x", &b"\xff"[..])], ..Envelope::default() };
    let headers = fold(&mut plain).unwrap();
    assert_eq!(all(headers.as_borrowed()).count(), 1);
}

fn header() -> impl Strategy<Value = Header> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..6).prop_map(Bytes::from);
    ("[a-zA-Z\0é]{0,4}", prop::option::of(bytes()), prop::option::weighted(0.2, bytes()))
        .prop_map(|(name, value, amqp)| Header { name, value, amqp })
}

prop_compose! {
    fn envelopes()(
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..4)),
        payload in prop::option::of(prop::collection::vec(any::<u8>(), 0..4)),
        headers in prop::collection::vec(header(), 0..6),
        timestamp_ms in prop::option::of(any::<i64>()),
    ) -> Envelope {
        Envelope {
            address: to("chat"),
            key: key.map(Bytes::from),
            payload: payload.map(Bytes::from),
            headers,
            timestamp_ms,
            ..Envelope::default()
        }
    }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(envelope in envelopes()) {
        prop_assert_eq!(through_kafka(envelope.clone()), identified(&envelope));
    }
}
