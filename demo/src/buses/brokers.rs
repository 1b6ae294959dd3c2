//! Real brokers: agents publish to NATS JetStream, consumers receive from Kafka and RabbitMQ.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use async_nats::jetstream::stream;
use lapin::ConnectionProperties;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use m2m_bridge::{Bridge, Config, MemoryBuses};
use m2m_engine::Engine;
use m2m_kafka::StreamConsumer;
use m2m_kafka::rdkafka::ClientConfig;
use m2m_kafka::rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use m2m_kafka::rdkafka::client::DefaultClientContext;
use m2m_kafka::rdkafka::consumer::Consumer;
use m2m_nats::jetstream;
use m2m_nats::link::{StreamSource, StreamSourceConfig};

use super::{Buses, Inlet, Outlet, Tap};
use crate::routing::{self, DESTINATIONS};

const ROUTES: &str = include_str!("../../routes/brokers.toml");
/// More than one, so that messages with different keys really are spread.
const PARTITIONS: i32 = 3;

pub(crate) async fn open(engine: &Arc<Engine>) -> anyhow::Result<Buses> {
    let nats = url("M2M_TEST_NATS_URL")?;
    let kafka = url("M2M_TEST_KAFKA_URL")?;
    let amqp = url("M2M_TEST_AMQP_URL")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let run = format!("demo-{now:x}-{}", std::process::id());
    let routes = ROUTES
        .replace("${DEMO_NATS_URL}", &nats)
        .replace("${DEMO_KAFKA_URL}", &kafka)
        .replace("${DEMO_AMQP_URL}", &amqp)
        .replace("${DEMO_RUN}", &run);
    let config = Config::parse("routes/brokers.toml", &routes)?;

    let (outlet, tap) = agents(&nats, &run, engine).await.context("NATS")?;
    let connection =
        m2m_amqp::Connection::connect(&amqp, ConnectionProperties::default(), Arc::clone(engine));
    let connection = connection.await.context("RabbitMQ")?;
    declare(&connection, &format!("{run}.dead")).await.context("RabbitMQ")?;
    let mut inlets = Vec::new();
    for (name, destination) in DESTINATIONS.into_iter().zip(routing::targets(&config)) {
        let place = format!("{run}.{name}");
        inlets.push(match destination.as_str() {
            "kafka" => topic(&kafka, &run, &place, engine).await.context("Kafka")?,
            _ => queue(&connection, &place).await.context("RabbitMQ")?,
        });
    }
    Ok(Buses {
        words: "in by NATS, out by Kafka and RabbitMQ",
        bridge: Arc::new(Bridge::new(&config, &MemoryBuses::default())?),
        destinations: routing::destinations(&config),
        outlet,
        prefix: run,
        inlets,
        tap,
        amqp: Some(connection),
    })
}

fn url(variable: &str) -> anyhow::Result<String> {
    std::env::var(variable).with_context(|| {
        format!("{variable} is not set; `make demo BUS=real` starts brokers and sets it")
    })
}

async fn agents(url: &str, run: &str, engine: &Arc<Engine>) -> anyhow::Result<(Outlet, Tap)> {
    let client = m2m_nats::connect(url, Arc::clone(engine)).await?;
    let raw = async_nats::jetstream::new(client.inner().clone());
    let jetstream = jetstream::new(client);
    let stream = stream::Config {
        name: run.to_owned(),
        subjects: vec![format!("{run}.>")],
        ..stream::Config::default()
    };
    jetstream.create_stream(stream).await?;
    let tap = StreamSourceConfig {
        stream: run.to_owned(),
        durable: "tap".to_owned(),
        ..StreamSourceConfig::default()
    };
    let tap = Tap::Nats(Box::new(StreamSource::new(raw, tap)));
    Ok((Outlet::Nats(Box::new(jetstream)), tap))
}

async fn topic(url: &str, group: &str, topic: &str, engine: &Arc<Engine>) -> anyhow::Result<Inlet> {
    let servers = url.trim_start_matches("kafka://");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let wanted = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    for created in admin.create_topics([&wanted], &options).await? {
        created.map_err(|(topic, code)| anyhow::anyhow!("topic {topic}: {code}"))?;
    }
    config
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    let consumer: StreamConsumer = StreamConsumer::from_config(&config, Arc::clone(engine))?;
    consumer.subscribe(&[topic])?;
    Ok(Inlet::Kafka(consumer))
}

async fn declare(
    connection: &m2m_amqp::Connection,
    queue: &str,
) -> anyhow::Result<m2m_amqp::Channel> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
    Ok(channel)
}

async fn queue(connection: &m2m_amqp::Connection, queue: &str) -> anyhow::Result<Inlet> {
    let channel = declare(connection, queue).await?;
    let options = BasicConsumeOptions::default();
    let consumer =
        channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
    Ok(Inlet::Amqp(Box::new(consumer)))
}
