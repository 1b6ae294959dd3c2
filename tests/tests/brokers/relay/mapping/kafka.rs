//! rdkafka, bare.

use anyhow::Result;
use rdkafka::Message;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::time::timeout;

use super::super::place::{LIMIT, Place};
use super::Native;

pub(super) async fn publish(place: &Place, message: &Native) -> Result<()> {
    let producer: FutureProducer = place.kafka().create()?;
    let mut headers = OwnedHeaders::new();
    for (name, value) in message.headers("header ") {
        headers = headers.insert(Header { key: name, value: value.as_deref() });
    }
    let mut record = FutureRecord::<[u8], [u8]>::to(&place.name).headers(headers);
    record.key = message.one("key").and_then(Option::as_deref);
    record.payload = message.one("payload").and_then(Option::as_deref);
    record.timestamp = message.text("timestamp").map(str::parse).transpose()?;
    producer.send(record, LIMIT).await.map_err(|(error, _)| error)?;
    Ok(())
}

pub(super) async fn read(place: &Place, count: usize) -> Result<Vec<Native>> {
    let mut client = place.kafka();
    client.set("group.id", format!("{}-bare", place.name)).set("auto.offset.reset", "earliest");
    let consumer: StreamConsumer = client.create()?;
    consumer.subscribe(&[&place.name])?;
    let mut messages = Vec::new();
    while messages.len() < count {
        let message = timeout(LIMIT, consumer.recv()).await??;
        let mut native = Native::default();
        native.add("payload", message.payload().map(<[u8]>::to_vec));
        if let Some(key) = message.key() {
            native.add("key", Some(key.to_vec()));
        }
        if let Some(ms) = message.timestamp().to_millis() {
            native.add("timestamp", Some(ms.to_string()));
        }
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            native.add(format!("header {}", header.key), header.value.map(<[u8]>::to_vec));
        }
        messages.push(native);
    }
    Ok(messages)
}
