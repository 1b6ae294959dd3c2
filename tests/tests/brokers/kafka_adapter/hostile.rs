//! A record that no well-behaved client writes: its header's name is not UTF-8. rdkafka panics when it is read.

use std::time::Duration;

use anyhow::{Result, ensure};
use m2m_engine::bus::{Receipt, Source};
use m2m_kafka::StreamConsumer;
use m2m_tests::harness::Kafka;
use rdkafka::consumer::Consumer as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Topic, engine, request, take, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_header_whose_name_is_not_utf8_is_left_out() -> Result<()> {
    let topic = Topic::new(1).await?;
    let outbound = m2m_engine::Outbound::to(&topic.name);
    let payload = request(500);
    let frame = engine()?.wrap(payload.as_bytes(), &outbound)?.bytes.into_owned();
    let headers: [(&[u8], &[u8]); 3] =
        [(b"before", b"1"), (b"\xff\xfe", b"2"), (b"content-encoding", b"m2m")];
    produce(&topic.name, &frame, &headers).await?;

    let mut source = topic.source()?;
    let delivery = take(&mut source, 1).await?.remove(0);
    let names: Vec<_> = delivery.envelope.headers.iter().map(|h| h.name.as_str()).collect();
    assert_eq!(names, ["before", "content-encoding"]);
    assert_eq!(delivery.envelope.payload.as_deref(), Some(&frame[..]));
    within("an ack", delivery.receipt.ack()).await??;
    within("the source closes", source.close()).await??;

    let reader: StreamConsumer =
        StreamConsumer::from_config(&topic.with("group.id", "opening"), engine()?)?;
    reader.subscribe(&[&topic.name])?;
    let message = within("a message", reader.recv()).await??;
    assert_eq!(message.payload(), Some(payload.as_bytes()));
    Ok(())
}

/// Writes one record, in the bytes of Kafka's protocol: a Produce request, version 3, to partition 0.
async fn produce(topic: &str, value: &[u8], headers: &[(&[u8], &[u8])]) -> Result<()> {
    let batch = batch(value, headers);
    let mut request = Vec::new();
    request.extend([0, 0, 0, 3]); // Produce, version 3
    request.extend(7_i32.to_be_bytes()); // correlation
    request.extend((-1_i16).to_be_bytes()); // no client id
    request.extend((-1_i16).to_be_bytes()); // no transactional id
    request.extend((-1_i16).to_be_bytes()); // acks of all
    request.extend(10_000_i32.to_be_bytes()); // time-out
    request.extend(1_i32.to_be_bytes()); // topics
    request.extend(i16::try_from(topic.len())?.to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1_i32.to_be_bytes()); // partitions
    request.extend(0_i32.to_be_bytes());
    request.extend(i32::try_from(batch.len())?.to_be_bytes());
    request.extend(batch);

    let mut stream = TcpStream::connect(Kafka::shared().await?.bootstrap()).await?;
    stream.write_all(&u32::try_from(request.len())?.to_be_bytes()).await?;
    stream.write_all(&request).await?;
    let limit = Duration::from_secs(20);
    let len = tokio::time::timeout(limit, stream.read_u32()).await??;
    let mut answer = vec![0; usize::try_from(len)?];
    tokio::time::timeout(limit, stream.read_exact(&mut answer)).await??;
    // correlation, one topic, its name, one partition, its number; then the error.
    let at = 4 + 4 + 2 + topic.len() + 4 + 4;
    ensure!(answer[at..at + 2] == [0, 0], "refused: {:?}", &answer[at..at + 2]);
    Ok(())
}

/// A record batch of version 2 with one record.
fn batch(value: &[u8], headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut record = vec![0]; // attributes
    record.extend([0, 0]); // deltas of time and offset
    varint(&mut record, -1); // no key
    bytes(&mut record, value);
    varint(&mut record, headers.len() as i64);
    for (name, value) in headers {
        bytes(&mut record, name);
        bytes(&mut record, value);
    }
    let mut body = Vec::new(); // what the checksum is of
    body.extend(0_i16.to_be_bytes()); // attributes
    body.extend(0_i32.to_be_bytes()); // last offset delta
    let time = rdkafka::Timestamp::now().to_millis().unwrap_or_default();
    body.extend(time.to_be_bytes()); // first
    body.extend(time.to_be_bytes()); // last
    body.extend((-1_i64).to_be_bytes()); // producer
    body.extend((-1_i16).to_be_bytes());
    body.extend((-1_i32).to_be_bytes());
    body.extend(1_i32.to_be_bytes()); // records
    varint(&mut body, record.len() as i64);
    body.extend(record);

    let mut batch = 0_i64.to_be_bytes().to_vec(); // base offset
    batch.extend((body.len() as i32 + 9).to_be_bytes());
    batch.extend((-1_i32).to_be_bytes()); // leader epoch
    batch.push(2); // version
    batch.extend(crc32c(&body).to_be_bytes());
    batch.extend(body);
    batch
}

fn bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    varint(to, bytes.len() as i64);
    to.extend(bytes);
}

fn varint(to: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// Castagnoli's polynomial, reflected.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1)))
    })
}
