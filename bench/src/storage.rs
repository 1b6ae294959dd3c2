//! What the brokers' own compression makes of the same messages, in bytes on the broker.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::stream;
use bytes::Bytes;
use m2m_engine::{Config, Engine, Outbound};
use m2m_tests::harness::{Kafka, Nats, unique};
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
        "The same messages, in their order, sent as fast as they go, then the bytes of the log's and the stream's files; of JetStream's the newest block, of up to 8 MB, is not compressed yet. Batches of Kafka's producer see many messages at once, a frame one: where its figure is lower it wins, in bytes, and its header cannot be read on the way.",
        &["on the broker", "bytes", "% of the payloads"],
    );
    let mut plot = Plot::new("storage", "bytes on the broker, % of the payloads", None);
    let mut add = |name: String, bytes: u64| {
        let percent = 100.0 * bytes as f64 / raw as f64;
        table.row([name.clone(), bytes.to_string(), format!("{percent:.1}")]);
        plot.bar(name, percent);
    };
    for (what, payloads) in [("plain", &plain), ("ours", &framed)] {
        for (codec, batch) in [
            ("none", Batch::Default),
            ("lz4", Batch::Default),
            ("zstd", Batch::Default),
            ("lz4", Batch::Megabyte),
            ("zstd", Batch::Megabyte),
        ] {
            let bytes = kafka_stored(&kafka, codec, batch, payloads).await?;
            add(format!("Kafka, {what}, {codec}, {}", batch.name()), bytes);
        }
    }
    for (what, payloads) in [("plain", &plain), ("ours", &framed)] {
        for s2 in [false, true] {
            let bytes = nats_stored(&nats, s2, payloads).await?;
            add(format!("JetStream, {what}, {}", if s2 { "s2" } else { "none" }), bytes);
        }
    }
    Ok(Report { tables: vec![table], plots: vec![plot] })
}

#[derive(Clone, Copy)]
enum Batch {
    /// What the client does unless told otherwise: up to 5 ms, 1,000,000 bytes and 10,000 messages.
    Default,
    /// Waits until a megabyte is there.
    Megabyte,
}

impl Batch {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "default batches",
            Self::Megabyte => "1 MB batches",
        }
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
    if let Batch::Megabyte = batch {
        client.set("linger.ms", "2000").set("batch.size", "1000000");
    }
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
