//! lapin, bare.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::{Value, json};

use super::super::place::{LIMIT, Place};
use super::Native;

/// By the property's name, how it is set and read.
type Text = (
    &'static str,
    fn(BasicProperties, ShortString) -> BasicProperties,
    fn(&BasicProperties) -> &Option<ShortString>,
);

const TEXTS: [Text; 9] = [
    ("content_type", BasicProperties::with_content_type, BasicProperties::content_type),
    ("content_encoding", BasicProperties::with_content_encoding, BasicProperties::content_encoding),
    ("correlation_id", BasicProperties::with_correlation_id, BasicProperties::correlation_id),
    ("reply_to", BasicProperties::with_reply_to, BasicProperties::reply_to),
    ("message_id", BasicProperties::with_message_id, BasicProperties::message_id),
    ("type", BasicProperties::with_type, BasicProperties::kind),
    ("app_id", BasicProperties::with_app_id, BasicProperties::app_id),
    ("user_id", BasicProperties::with_user_id, BasicProperties::user_id),
    ("expiration", BasicProperties::with_expiration, BasicProperties::expiration),
];

async fn channel(place: &Place) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(&place.url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

pub(super) async fn publish(place: &Place, message: &Native) -> Result<()> {
    let (connection, channel) = channel(place).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut properties = BasicProperties::default();
    for (name, set, _) in TEXTS {
        if let Some(text) = message.text(&format!("property {name}")) {
            properties = set(properties, text.into());
        }
    }
    if let Some(number) = message.text("property priority") {
        properties = properties.with_priority(number.parse()?);
    }
    if let Some(number) = message.text("property delivery_mode") {
        properties = properties.with_delivery_mode(number.parse()?);
    }
    if let Some(seconds) = message.text("property timestamp") {
        properties = properties.with_timestamp(seconds.parse()?);
    }
    let mut table = FieldTable::default();
    for (name, value) in message.headers("header ") {
        let value =
            value.as_ref().map_or(AMQPValue::Void, |v| AMQPValue::LongString(v.to_vec().into()));
        table.insert(name.into(), value);
    }
    for kind in ["integer", "boolean", "table", "list"] {
        for (name, value) in message.headers(&format!("{kind} header ")) {
            let value: Value = serde_json::from_slice(value.as_deref().context("no value")?)?;
            table.insert(name.into(), typed(&value));
        }
    }
    let payload = message.one("payload").cloned().flatten().unwrap_or_default();
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let queue = place.name.as_str().into();
    let properties = properties.with_headers(table);
    let confirm =
        channel.basic_publish("".into(), queue, options, &payload, properties).await?.await?;
    ensure!(confirm.is_ack(), "{confirm:?}");
    Ok(connection.close(200, "done".into()).await?)
}

pub(super) async fn read(place: &Place, count: usize) -> Result<Vec<Native>> {
    let (connection, channel) = channel(place).await?;
    let begun = Instant::now();
    let mut messages = Vec::new();
    while messages.len() < count {
        ensure!(begun.elapsed() < LIMIT, "{} of {count}", messages.len());
        let options = BasicGetOptions { no_ack: true };
        match channel.basic_get(place.name.as_str().into(), options).await? {
            Some(message) => messages.push(native(&message.delivery)),
            None => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    connection.close(200, "done".into()).await?;
    Ok(messages)
}

fn native(message: &lapin::message::Delivery) -> Native {
    let mut native = Native::default();
    native.add("payload", Some(message.data.clone()));
    let properties = &message.properties;
    for (name, _, get) in TEXTS {
        if let Some(text) = get(properties) {
            native.add(format!("property {name}"), Some(text.to_string()));
        }
    }
    let numbers = [
        ("priority", properties.priority().map(u64::from)),
        ("delivery_mode", properties.delivery_mode().map(u64::from)),
        ("timestamp", *properties.timestamp()),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            native.add(format!("property {name}"), Some(number.to_string()));
        }
    }
    for (name, value) in properties.headers().iter().flat_map(|table| table.into_iter()) {
        let (kind, value) = match value {
            AMQPValue::Void => ("", None),
            AMQPValue::LongString(text) => ("", Some(text.as_bytes().to_vec())),
            AMQPValue::LongLongInt(_) => ("integer ", Some(json(value).to_string().into())),
            AMQPValue::Boolean(_) => ("boolean ", Some(json(value).to_string().into())),
            AMQPValue::FieldTable(_) => ("table ", Some(json(value).to_string().into())),
            AMQPValue::FieldArray(_) => ("list ", Some(json(value).to_string().into())),
            _ => ("other ", None),
        };
        native.add(format!("{kind}header {name}"), value);
    }
    native
}

fn typed(value: &Value) -> AMQPValue {
    match value {
        Value::Bool(value) => AMQPValue::Boolean(*value),
        Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().unwrap()),
        Value::Array(items) => {
            AMQPValue::FieldArray(FieldArray::from(items.iter().map(typed).collect::<Vec<_>>()))
        }
        Value::Object(members) => {
            let mut table = FieldTable::default();
            for (name, value) in members {
                table.insert(name.as_str().into(), typed(value));
            }
            AMQPValue::FieldTable(table)
        }
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Null => AMQPValue::Void,
    }
}

fn json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(value) => json!(value),
        AMQPValue::LongLongInt(value) => json!(value),
        AMQPValue::LongString(text) => json!(String::from_utf8_lossy(text.as_bytes())),
        AMQPValue::FieldArray(array) => array.as_slice().iter().map(json).collect(),
        AMQPValue::FieldTable(table) => {
            table.into_iter().map(|(name, value)| (name.to_string(), json(value))).collect()
        }
        _ => Value::Null,
    }
}
