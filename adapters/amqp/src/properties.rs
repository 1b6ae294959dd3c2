//! Changes to a message's properties, which lapin only lets us set and never unset.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use m2m_engine::bus::headers::{KEY, is_engines};

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

/// The same properties with this header; one of that name that is there already stays as it is.
pub(crate) fn with_header(
    properties: BasicProperties,
    name: &'static str,
    value: &str,
) -> BasicProperties {
    if table(&properties).any(|(known, _)| known.as_str() == name) {
        return properties;
    }
    let mut table = properties.headers().clone().unwrap_or_default();
    table.insert(name.into(), AMQPValue::LongString(LongString::from(value)));
    properties.with_headers(table)
}

/// Whether an application sends along what is the engine's to say.
pub(crate) fn has_engines(properties: &BasicProperties) -> bool {
    table(properties).any(|(name, _)| is_engines(name.as_str()))
}

/// The same properties with the engine's headers in the place of all that stand under their names.
pub(crate) fn with_engines(
    properties: BasicProperties,
    added: &[(&'static str, String)],
) -> BasicProperties {
    replaced(properties, is_engines, added)
}

/// The same properties with this header in the place of all of its name.
pub(crate) fn with_only(
    properties: BasicProperties,
    header: (&'static str, String),
) -> BasicProperties {
    replaced(properties, |name| name.eq_ignore_ascii_case(header.0), &[header])
}

fn replaced(
    properties: BasicProperties,
    goes: impl Fn(&str) -> bool,
    added: &[(&'static str, String)],
) -> BasicProperties {
    let kept = table(&properties).filter(|(name, _)| !goes(name.as_str()));
    let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
    let added = added.iter().map(|(name, value)| {
        (ShortString::from(*name), AMQPValue::LongString(LongString::from(value.as_str())))
    });
    let table: BTreeMap<ShortString, AMQPValue> = kept.chain(added).collect();
    properties.with_headers(FieldTable::from(table))
}

/// The headers that the engine reads; nothing is allocated where there are none.
pub(crate) fn engines(properties: &BasicProperties) -> Vec<(&str, &str)> {
    table(properties)
        .filter(|(name, _)| is_engines(name.as_str()))
        .filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(text(value)?).ok()?)))
        .collect()
}

/// The Kafka key of a message that a relay has brought, or that is to become one of Kafka's.
pub(crate) fn key(properties: &BasicProperties) -> Option<&[u8]> {
    text(properties.headers().as_ref()?.inner().get(KEY)?)
}

fn table(properties: &BasicProperties) -> impl Iterator<Item = (&ShortString, &AMQPValue)> {
    properties.headers().iter().flatten()
}

fn text(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

/// Whether a header has this text.
pub(crate) fn header_is(properties: &BasicProperties, name: &str, text: &str) -> bool {
    let value = properties.headers().as_ref().and_then(|table| table.inner().get(name));
    value.and_then(self::text) == Some(text.as_bytes())
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
        let added = with_header(with_header(all(), "x", "2"), "y", "3");
        let table = added.headers().clone().unwrap_or_default();
        assert_eq!(table.inner().get("x"), Some(&AMQPValue::LongInt(1)));
        assert!(header_is(&added, "y", "3"));
        assert!(!header_is(&added, "x", "1"), "not a text");
    }

    #[test]
    fn the_engines_headers_take_the_place_of_what_stands_there() {
        let stale = with_header(with_header(all(), "m2m-stamp", "old"), "M2M-Key-Id", "old");
        assert_eq!(engines(&stale), [("M2M-Key-Id", "old"), ("m2m-stamp", "old")]);
        assert!(has_engines(&stale) && !has_engines(&all()));
        let own = [("m2m-stamp", "new".to_owned())];
        assert_eq!(with_engines(stale.clone(), &own), with_header(all(), "m2m-stamp", "new"));
        assert_eq!(with_engines(stale, &[]), all());
    }
}
