use super::*;
use lapin::types::{ByteArray, DecimalValue, FieldArray};
use proptest::prelude::*;

fn scalar() -> impl Strategy<Value = AMQPValue> {
    prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<u8>().prop_map(AMQPValue::ShortShortUInt),
        any::<i16>().prop_map(AMQPValue::ShortInt),
        any::<u16>().prop_map(AMQPValue::ShortUInt),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<u32>().prop_map(AMQPValue::LongUInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<f32>().prop_map(AMQPValue::Float),
        any::<f64>().prop_map(AMQPValue::Double),
        (any::<u8>(), any::<u32>())
            .prop_map(|(scale, value)| AMQPValue::DecimalValue(DecimalValue { scale, value })),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        any::<Vec<u8>>().prop_map(|bytes| AMQPValue::ByteArray(ByteArray::from(bytes))),
        any::<Vec<u8>>().prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        Just(AMQPValue::Void),
    ]
}

fn value() -> impl Strategy<Value = AMQPValue> {
    scalar().prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|values| AMQPValue::FieldArray(FieldArray::from(values))),
            table_of(inner).prop_map(AMQPValue::FieldTable),
        ]
    })
}

fn table_of(value: impl Strategy<Value = AMQPValue>) -> impl Strategy<Value = FieldTable> {
    prop::collection::btree_map("[a-z\u{e9}-]{0,8}".prop_map(ShortString::from), value, 0..6)
        .prop_map(FieldTable::from)
}

fn header() -> impl Strategy<Value = Header> {
    // Names that repeat, and a few that are too long for a table.
    let name = prop_oneof![9 => "(m2m-)?[a-c]{0,2}", 1 => "[a-c]{256}"];
    let value = prop::option::of(any::<Vec<u8>>().prop_map(Bytes::from));
    (name, value).prop_map(|(name, value)| Header { name, value, amqp: None })
}

proptest! {
    #[test]
    fn every_table_survives_as_headers(table in table_of(value())) {
        let again = write(&read(&table));
        prop_assert_eq!(encode(&AMQPValue::FieldTable(again)), encode(&AMQPValue::FieldTable(table)));
    }

    /// As on the way over Kafka, whose sink packs what has types.
    #[test]
    fn every_table_survives_packed(table in table_of(value())) {
        let mut list = vec![Header::text(headers::PACKED, headers::pack(&read(&table)))];
        headers::restore(&mut list);
        let again = write(&list);
        prop_assert_eq!(encode(&AMQPValue::FieldTable(again)), encode(&AMQPValue::FieldTable(table)));
    }

    #[test]
    fn every_list_survives_as_a_table(list in prop::collection::vec(header(), 0..6)) {
        let mut again = read(&write(&list));
        headers::restore(&mut again);
        if expressible(&list) {
            let mut sorted = list.clone();
            sorted.sort_by(|a, b| a.name.cmp(&b.name));
            prop_assert_eq!(again, sorted);
        } else {
            prop_assert_eq!(again, list);
        }
    }

    #[test]
    fn fields_from_anywhere_do_no_harm(field in any::<Vec<u8>>()) {
        if let Some(value) = decode(&field) {
            prop_assert!(encode(&value).is_some());
        }
    }
}

#[test]
fn a_list_in_order_needs_no_packed_header() {
    let list = ["a", "b", "m2m-key"].map(|name| Header::text(name, "1"));
    assert!(!write(&list).contains_key(headers::PACKED));
    let other_order = ["b", "a"].map(|name| Header::text(name, "1"));
    assert!(write(&other_order).contains_key(headers::PACKED));
}

#[test]
fn the_table_has_the_first_of_a_repeated_name() {
    let list = ["1", "2"].map(|value| Header::text("a", value));
    let table = write(&list);
    assert_eq!(table.inner().get("a"), Some(&AMQPValue::LongString("1".into())));
}

#[test]
fn values_are_shown_as_text() {
    let mut table = FieldTable::default();
    table.insert("count".into(), AMQPValue::LongLongInt(2));
    table.insert("reason".into(), AMQPValue::LongString("rejected".into()));
    let deaths = AMQPValue::FieldArray(vec![AMQPValue::FieldTable(table)].into());
    for (value, text) in [
        (AMQPValue::Boolean(true), "true"),
        (AMQPValue::ShortShortInt(-1), "-1"),
        (AMQPValue::LongLongInt(i64::MIN), "-9223372036854775808"),
        (AMQPValue::Timestamp(1_700_000_000), "1700000000"),
        (AMQPValue::Double(0.25), "0.25"),
        (AMQPValue::Float(f32::INFINITY), "inf"),
        (AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 314 }), "314e-2"),
        (AMQPValue::LongString("text".into()), "text"),
        (deaths, r#"[{"count":2,"reason":"rejected"}]"#),
    ] {
        assert_eq!(shown(&value).as_deref(), Some(text.as_bytes()));
    }
    assert_eq!(shown(&AMQPValue::Void), None);
}

/// 20,000 arrays in one another, as they fit into a header of 100 KB.
#[test]
fn a_field_nested_without_end_is_not_parsed() {
    let mut field = Vec::new();
    for _ in 0..20_000_u32 {
        let mut outer = vec![b'A'];
        outer.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
        outer.extend(field);
        field = outer;
    }
    assert_eq!(decode(&field), None);
    let header = Header { amqp: Some(field.into()), ..Header::text("x", "shown") };
    assert_eq!(super::field(&header), AMQPValue::LongString("shown".into()));
}
