use super::*;
use lapin::types::{AMQPValue, FieldTable};
use proptest::prelude::*;

/// As it comes out of the broker.
fn delivered(message: Message) -> Delivery {
    let Message { exchange, routing_key, payload, properties, .. } = message;
    let mut delivery = Delivery::mock(1, exchange, routing_key, false, payload.to_vec());
    delivery.properties = properties;
    delivery
}

fn over_amqp(envelope: Envelope) -> Envelope {
    read(delivered(write(envelope, true).unwrap()))
}

fn with_payload() -> Envelope {
    Envelope { payload: Some(Bytes::from_static(b"payload")), ..Envelope::default() }
}

fn text() -> impl Strategy<Value = Option<String>> {
    // Some of them are longer than AMQP's own properties may be.
    let text = prop_oneof![9 => ".{0,20}", 1 => "[a-z]{256,300}"];
    prop::option::of(text)
}

prop_compose! {
    fn properties()(
        content_type in text(), content_encoding in text(), correlation_id in text(), reply_to in text(), message_id in text(),
        kind in text(), app_id in text(), expiration in prop::option::of("[0-9]{1,12}|[a-z]{2}|"),
        priority in any::<Option<u8>>(), persistent in any::<bool>(),
    ) -> Properties {
        let persistent = Some(persistent);
        Properties { content_type, content_encoding, correlation_id, reply_to, message_id, kind, app_id, expiration, priority, persistent }
    }
}

prop_compose! {
    fn envelope()(
        name in ".{0,20}", exchange in "[a-z]{0,8}", payload in any::<Vec<u8>>(), properties in properties(),
        timestamp_ms in prop::option::of(-10_000_000_000_000_i64..10_000_000_000_000),
        values in prop::collection::btree_map("[A-Za-z-]{0,8}", prop::option::of(any::<Vec<u8>>()), 0..4),
    ) -> Envelope {
        let headers = values.into_iter();
        let headers = headers.map(|(name, value)| Header { name, value: value.map(Bytes::from), amqp: None }).collect();
        let mut envelope = Envelope {
            address: Address { name, exchange }, payload: Some(payload.into()), headers, properties, timestamp_ms, ..Envelope::default()
        };
        // A source would have done both.
        headers::disarm(&mut envelope.headers, steers);
        envelope.unfold(NATIVE);
        envelope.headers.sort_by(|a, b| a.name.cmp(&b.name));
        envelope
    }
}

proptest! {
    #[test]
    fn every_envelope_survives(envelope in envelope()) {
        prop_assert_eq!(over_amqp(envelope.clone()), envelope);
    }

    /// What a broker without properties carries in headers gets its place back.
    #[test]
    fn what_was_folded_is_unfolded(envelope in envelope()) {
        let mut folded = envelope.clone();
        folded.fold(m2m_engine::bus::Native::default());
        let mut came = over_amqp(folded);
        came.headers.sort_by(|a, b| a.name.cmp(&b.name));
        prop_assert_eq!(came, envelope);
    }
}

#[test]
fn time_stamps_keep_their_milliseconds() {
    for (ms, seconds, in_a_header) in
        [(5_000, Some(5), false), (5_001, Some(5), true), (-1, None, true), (0, Some(0), false)]
    {
        let envelope = Envelope { timestamp_ms: Some(ms), ..with_payload() };
        let message = write(envelope.clone(), true).unwrap();
        assert_eq!(*message.properties.timestamp(), seconds);
        assert_eq!(message.properties.headers().is_some(), in_a_header);
        assert_eq!(read(delivered(message)).timestamp_ms, Some(ms));
    }
    // Milliseconds in the place of seconds, far beyond what fits.
    let mut delivery = Delivery::mock(1, "".into(), "".into(), false, vec![]);
    delivery.properties = BasicProperties::default().with_timestamp(u64::MAX);
    let read = read(delivery);
    assert_eq!(read.timestamp_ms, None);
    assert_eq!(read.header("m2m-src-timestamp"), Some("18446744073709551615"));
}

#[test]
fn what_steers_the_broker_is_renamed() {
    let mut table = FieldTable::default();
    table
        .insert("CC".into(), AMQPValue::FieldArray(vec![AMQPValue::LongString("q".into())].into()));
    table.insert("bcc".into(), AMQPValue::LongString("q".into()));
    let mut delivery = Delivery::mock(1, "".into(), "".into(), false, vec![]);
    delivery.properties = BasicProperties::default()
        .with_headers(table)
        .with_user_id("guest".into())
        .with_delivery_mode(2);
    let came = read(delivery);
    let names: Vec<&str> = came.headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, ["m2m-src-CC", "m2m-src-bcc", "m2m-src-user-id"]);
    assert_eq!(came.header("m2m-src-user-id"), Some("guest"));

    let again = write(came.clone(), true).unwrap();
    assert_eq!(*again.properties.user_id(), None);
    assert_eq!(read(delivered(again)), came);

    // From another broker, under its plain name.
    let foreign = Envelope { headers: vec![Header::text("Cc", "q")], ..Envelope::default() };
    let table = write(foreign, true).unwrap().properties.headers().clone().unwrap();
    assert!(table.contains_key("m2m-src-Cc") && !table.contains_key("Cc"));
}

#[test]
fn messages_are_persistent_unless_the_source_says_otherwise() {
    for (persistent, mode) in [(None, 2), (Some(true), 2), (Some(false), 1)] {
        let properties = Properties { persistent, ..Properties::default() };
        let envelope = Envelope { properties, ..Envelope::default() };
        assert_eq!(*write(envelope, true).unwrap().properties.delivery_mode(), Some(mode));
    }
}

#[test]
fn an_expiration_that_would_close_the_channel_travels_as_a_header() {
    for (expiration, native) in [
        ("0", true),
        ("60000", true),
        ("4294967296", false),
        ("-1", false),
        ("soon", false),
        ("", false),
        ("+5", false),
    ] {
        let properties =
            Properties { expiration: Some(expiration.to_owned()), ..Properties::default() };
        let envelope = Envelope { properties: properties.clone(), ..Envelope::default() };
        let message = write(envelope, true).unwrap();
        assert_eq!(message.properties.expiration().is_some(), native, "{expiration:?}");
        assert_eq!(read(delivered(message)).properties.expiration, properties.expiration);
    }
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let address = Address { name: "k".repeat(256), exchange: String::new() };
    let error = write(Envelope { address, ..Envelope::default() }, true).unwrap_err();
    assert!(matches!(error, SinkError::Address { what: "routing key", len: 256 }));
}

#[test]
fn the_frame_of_properties_is_measured_as_lapin_writes_it() {
    let message = write(Envelope { headers: vec![Header::text("a", "b")], ..with_payload() }, true);
    // Flags 2, table 4 with name 2, type 1 and value 5, delivery mode 1; around them 20.
    assert_eq!(header_frame_len(&message.unwrap().properties), 20 + 2 + 4 + 2 + 1 + 5 + 1);
}
