//! What the brokers' own compression makes of the same messages, in bytes on the broker.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::stream;
use bytes::Bytes;
use m2m_engine::{Config, Engine, Outbound};
use m2m_tests::harness::{Kafka, Nats, unique};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::brokers::kafka_client;
use crate::report::{Plot, Report, Table};
use crate::setup::Setup;

/// # Errors
/// When a broker does not start or does not do what it is asked.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(measure(setup))
}

async fn measure(setup: &Setup) -> anyhow::Result<Report> {
    let (nats, kafka) = tokio::try_join!(Nats::start(), Kafka::start())?;
    let engine = Arc::new(Engine::new(Config::default())?);
    let plain: Vec<Bytes> = setup
        .messages
        .iter()
        .map(|message| Bytes::copy_from_slice(message.json.as_bytes()))
        .collect();
    let framed: Vec<Bytes> = plain
        .iter()
        .map(|payload| Ok(engine.wrap(payload, &Outbound::to("bench"))?.into_bytes(payload)))
        .collect::<anyhow::Result<_>>()?;
    let raw: usize = plain.iter().map(Bytes::len).sum();
    let mut table = Table::new(
        "storage",
        "The same messages, in their order, sent as fast as they go, then the bytes of the log's and the stream's files; of JetStream's the newest block, of up to 8 MB, is not compressed yet. Below 1 in the last column the broker's own compression of plain messages wins, in bytes: its batches see many messages at once, a frame one. Batches of 16 KB are the Java producer's default, of 1 MB librdkafka's; with one message each they are what a producer sends whose messages come further apart than it lingers.",
        &["on the broker", "bytes", "% of the payloads", "our frames alone = 1"],
    );
    let mut plot = Plot::new("storage", "Bytes on the broker, % of the payloads", None);
    let mut add = |of: u64, (name, bytes): (String, u64)| {
        let percent = 100.0 * bytes as f64 / raw as f64;
        let ratio = bytes as f64 / of as f64;
        table.row([
            name.clone(),
            bytes.to_string(),
            format!("{percent:.1}"),
            format!("{ratio:.2}"),
        ]);
        plot.bar(name, percent);
    };
    let mut on_kafka = Vec::new();
    for (what, payloads) in [("ours", &framed), ("plain", &plain)] {
        for (codec, batch) in CODECS {
            let bytes = kafka_stored(&kafka, codec, batch, payloads).await?;
            on_kafka.push((format!("Kafka, {what}, {codec}, {}", batch.name()), bytes));
        }
    }
    let ours = on_kafka[0].1;
    on_kafka.into_iter().for_each(|row| add(ours, row));
    let mut on_nats = Vec::new();
    for (what, payloads) in [("ours", &framed), ("plain", &plain)] {
        for codec in ["none", "s2"] {
            let bytes = nats_stored(&nats, codec == "s2", payloads).await?;
            on_nats.push((format!("JetStream, {what}, {codec}"), bytes));
        }
    }
    let ours = on_nats[0].1;
    on_nats.into_iter().for_each(|row| add(ours, row));
    Ok(Report { tables: vec![table], plots: vec![plot] })
}

const CODECS: [(&str, Batch); 7] = [
    ("none", Batch::Megabyte),
    ("lz4", Batch::Single),
    ("zstd", Batch::Single),
    ("lz4", Batch::Java),
    ("zstd", Batch::Java),
    ("lz4", Batch::Megabyte),
    ("zstd", Batch::Megabyte),
];

/// How many messages the producer puts together before it compresses them.
#[derive(Clone, Copy)]
enum Batch {
    /// None with others.
    Single,
    /// Up to 16 KB, the Java producer's default.
    Java,
    /// Up to a megabyte, which is waited for.
    Megabyte,
}

impl Batch {
    fn name(self) -> &'static str {
        match self {
            Self::Single => "single messages",
            Self::Java => "16 KB batches",
            Self::Megabyte => "1 MB batches",
        }
    }

    fn set(self, client: &mut ClientConfig) {
        match self {
            Self::Single => client.set("batch.num.messages", "1"),
            Self::Java => client.set("batch.size", "16384"),
            Self::Megabyte => client.set("linger.ms", "2000").set("batch.size", "1000000"),
        };
    }
}

async fn kafka_stored(
    kafka: &Kafka,
    codec: &str,
    batch: Batch,
    payloads: &[Bytes],
) -> anyhow::Result<u64> {
    let topic = unique("storage");
    kafka.create_topic(&topic, 1).await?;
    let mut client = kafka_client(kafka, &topic);
    client.set("compression.type", codec);
    batch.set(&mut client);
    let producer: FutureProducer = client.create()?;
    let mut waiting = VecDeque::new();
    for payload in payloads {
        let record = FutureRecord::<(), [u8]>::to(&topic).payload(payload);
        waiting.push_back(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for delivery in waiting {
        delivery.await?.map_err(|(error, _)| error)?;
    }
    crate::brokers::stored(&format!("{topic}-0"), "log")
}

async fn nats_stored(nats: &Nats, s2: bool, payloads: &[Bytes]) -> anyhow::Result<u64> {
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await?);
    let name = unique("storage");
    let compression = if s2 { stream::Compression::S2 } else { stream::Compression::None };
    let config = stream::Config {
        name: name.clone(),
        subjects: vec![format!("{name}.>")],
        compression: Some(compression),
        ..stream::Config::default()
    };
    let mut stream = context.create_stream(config).await?;
    let mut waiting = VecDeque::new();
    for payload in payloads {
        if waiting.len() >= crate::brokers::IN_FLIGHT {
            let sent: async_nats::jetstream::context::PublishAckFuture =
                waiting.pop_front().context("none in flight")?;
            sent.await?;
        }
        waiting.push_back(context.publish(format!("{name}.a"), payload.clone()).await?);
    }
    for sent in waiting {
        sent.await?;
    }
    anyhow::ensure!(stream.info().await?.state.messages == payloads.len() as u64, "not all stored");
    crate::brokers::stored(&name, "")
}
