//! Changes to a message's properties, which lapin only lets us set and never unset.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

/// The same properties with this content encoding, or with none.
pub(crate) fn with_encoding(
    properties: BasicProperties,
    encoding: Option<ShortString>,
) -> BasicProperties {
    if let Some(encoding) = encoding {
        return properties.with_content_encoding(encoding);
    }
    if properties.content_encoding().is_none() {
        return properties;
    }
    let old = &properties;
    let mut new = BasicProperties::default();
    new = set(new, old.content_type(), BasicProperties::with_content_type);
    new = set(new, old.headers(), BasicProperties::with_headers);
    new = set(new, old.delivery_mode(), BasicProperties::with_delivery_mode);
    new = set(new, old.priority(), BasicProperties::with_priority);
    new = set(new, old.correlation_id(), BasicProperties::with_correlation_id);
    new = set(new, old.reply_to(), BasicProperties::with_reply_to);
    new = set(new, old.expiration(), BasicProperties::with_expiration);
    new = set(new, old.message_id(), BasicProperties::with_message_id);
    new = set(new, old.timestamp(), BasicProperties::with_timestamp);
    new = set(new, old.kind(), BasicProperties::with_type);
    new = set(new, old.user_id(), BasicProperties::with_user_id);
    new = set(new, old.app_id(), BasicProperties::with_app_id);
    set(new, old.cluster_id(), BasicProperties::with_cluster_id)
}

fn set<T: Clone>(
    properties: BasicProperties,
    value: &Option<T>,
    with: impl FnOnce(BasicProperties, T) -> BasicProperties,
) -> BasicProperties {
    match value {
        Some(value) => with(properties, value.clone()),
        None => properties,
    }
}

/// The same properties with more headers; those that are there already stay as they are.
pub(crate) fn with_headers(
    properties: BasicProperties,
    headers: impl IntoIterator<Item = (ShortString, String)>,
) -> BasicProperties {
    let mut headers = headers.into_iter().peekable();
    if headers.peek().is_none() {
        return properties;
    }
    let mut table: FieldTable = properties.headers().clone().unwrap_or_default();
    for (name, value) in headers {
        if !table.contains_key(name.as_str()) {
            table.insert(name, AMQPValue::LongString(LongString::from(value)));
        }
    }
    properties.with_headers(table)
}

/// Whether a header has this text.
pub(crate) fn header_is(properties: &BasicProperties, name: &str, text: &str) -> bool {
    let value = properties.headers().as_ref().and_then(|table| table.inner().get(name));
    matches!(value, Some(AMQPValue::LongString(value)) if value.as_bytes() == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert("x".into(), AMQPValue::LongInt(1));
        BasicProperties::default()
            .with_content_type("a".into())
            .with_headers(headers)
            .with_delivery_mode(2)
            .with_priority(3)
            .with_correlation_id("b".into())
            .with_reply_to("c".into())
            .with_expiration("4".into())
            .with_message_id("d".into())
            .with_timestamp(5)
            .with_type("e".into())
            .with_user_id("f".into())
            .with_app_id("g".into())
            .with_cluster_id("h".into())
    }

    #[test]
    fn the_encoding_goes_and_everything_else_stays() {
        let encoded = all().with_content_encoding("m2m".into());
        assert_eq!(with_encoding(encoded.clone(), None), all());
        assert_eq!(
            with_encoding(encoded, Some("gzip".into())),
            all().with_content_encoding("gzip".into())
        );
        assert_eq!(with_encoding(BasicProperties::default(), None), BasicProperties::default());
    }

    #[test]
    fn headers_are_added_beside_those_that_are_there() {
        let added =
            with_headers(all(), [("x".into(), "2".to_owned()), ("y".into(), "3".to_owned())]);
        let table = added.headers().clone().unwrap_or_default();
        assert_eq!(table.inner().get("x"), Some(&AMQPValue::LongInt(1)));
        assert!(header_is(&added, "y", "3"));
        assert!(!header_is(&added, "x", "1"), "not a text");
        assert_eq!(with_headers(BasicProperties::default(), []), BasicProperties::default());
    }
}
