//! An AMQP table as a list of headers, and back.

use bytes::Bytes;
use lapin::types::generation::gen_value;
use lapin::types::parsing::parse_value;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use m2m_engine::bus::headers::{self, Header};
use serde_json::{Value, json};

/// The headers of a table, by name: lapin keeps no other order.
pub(super) fn read(table: &FieldTable) -> Vec<Header> {
    table.into_iter().map(|(name, value)| header(name.as_str(), value)).collect()
}

fn header(name: &str, value: &AMQPValue) -> Header {
    let plain = matches!(value, AMQPValue::LongString(_) | AMQPValue::Void);
    Header {
        name: name.to_owned(),
        value: shown(value),
        amqp: if plain { None } else { encode(value) },
    }
}

/// The table for a list of headers. What it cannot express, which is order, repeated names and names over 255 bytes, goes into
/// one more header; of a repeated name the table has the first.
pub(super) fn write(list: &[Header]) -> FieldTable {
    let mut table = FieldTable::default();
    for header in list {
        if let Ok(name) = ShortString::try_new(header.name.as_str())
            && !table.contains_key(name.as_str())
        {
            table.insert(name, field(header));
        }
    }
    if !expressible(list)
        && let Ok(name) = ShortString::try_new(headers::PACKED)
    {
        table.insert(name, AMQPValue::LongString(headers::pack(list).into()));
    }
    table
}

/// Whether reading the table gives the same list. Where headers of ours stand among the others does not matter.
fn expressible(list: &[Header]) -> bool {
    let fits = |name: &str| ShortString::try_new(name).is_ok();
    let (ours, theirs): (Vec<&str>, Vec<&str>) =
        list.iter().map(|header| header.name.as_str()).partition(|name| name.starts_with("m2m-"));
    let unique: std::collections::HashSet<&str> = ours.iter().copied().collect();
    unique.len() == ours.len()
        && theirs.is_sorted_by(|a, b| a < b)
        && list.iter().all(|h| fits(&h.name))
}

fn field(header: &Header) -> AMQPValue {
    if let Some(value) = header.amqp.as_deref().and_then(decode) {
        return value;
    }
    match &header.value {
        Some(value) => AMQPValue::LongString(LongString::from(value.as_ref())),
        None => AMQPValue::Void,
    }
}

fn encode(value: &AMQPValue) -> Option<Bytes> {
    let written = gen_value(value)(Vec::new().into()).ok()?;
    Some(written.into_inner().0.into())
}

fn decode(field: &[u8]) -> Option<AMQPValue> {
    // The parser recurses without a limit, and the field may come from anywhere.
    walk(field, false, MAX_DEPTH)?;
    match parse_value(field) {
        Ok(([], value)) => Some(value),
        _ => None,
    }
}

const MAX_DEPTH: u8 = 64;

/// Goes over the values in `bytes`, each after its name where they are a table's; `None` where they are not whole, or nested too deep.
fn walk(mut bytes: &[u8], named: bool, depth: u8) -> Option<()> {
    while !bytes.is_empty() {
        if named {
            let (len, rest) = bytes.split_first()?;
            bytes = rest.split_at_checked(usize::from(*len))?.1;
        }
        let (tag, rest) = bytes.split_first()?;
        let len = match tag {
            b'V' => 0,
            b't' | b'b' | b'B' => 1,
            b's' | b'U' | b'u' => 2,
            b'I' | b'i' | b'f' => 4,
            b'D' => 5,
            b'l' | b'L' | b'd' | b'T' => 8,
            b'S' | b'x' | b'A' | b'F' => {
                let len = u32::from_be_bytes(*rest.first_chunk()?);
                usize::try_from(len).ok()?.checked_add(4)?
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(len)?;
        if matches!(tag, b'A' | b'F') {
            walk(value.get(4..)?, *tag == b'F', depth.checked_sub(1)?)?;
        }
        bytes = rest;
    }
    Some(())
}

/// A value as brokers without types are to see it: text, or the bytes themselves; arrays and tables as JSON.
fn shown(value: &AMQPValue) -> Option<Bytes> {
    Some(match value {
        AMQPValue::Void => return None,
        AMQPValue::LongString(text) => Bytes::copy_from_slice(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => Bytes::copy_from_slice(bytes.as_slice()),
        AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) => json(value).to_string().into(),
        other => match json(other) {
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        },
    })
}

fn json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(value) => json!(value),
        AMQPValue::ShortShortInt(value) => json!(value),
        AMQPValue::ShortShortUInt(value) => json!(value),
        AMQPValue::ShortInt(value) => json!(value),
        AMQPValue::ShortUInt(value) => json!(value),
        AMQPValue::LongInt(value) => json!(value),
        AMQPValue::LongUInt(value) => json!(value),
        AMQPValue::LongLongInt(value) => json!(value),
        AMQPValue::Timestamp(seconds) => json!(seconds),
        // As text: JSON has neither infinities nor an f32.
        AMQPValue::Float(value) => json!(value.to_string()),
        AMQPValue::Double(value) => json!(value.to_string()),
        AMQPValue::DecimalValue(value) => json!(format!("{}e-{}", value.value, value.scale)),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongString(text) => json!(String::from_utf8_lossy(text.as_bytes())),
        AMQPValue::ByteArray(bytes) => json!(String::from_utf8_lossy(bytes.as_slice())),
        AMQPValue::FieldArray(array) => array.as_slice().iter().map(json).collect(),
        AMQPValue::FieldTable(table) => {
            table.into_iter().map(|(name, value)| (name.to_string(), json(value))).collect()
        }
        AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
mod tests;
