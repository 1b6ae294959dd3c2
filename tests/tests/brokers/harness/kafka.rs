use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;
use m2m_tests::harness::{HarnessError, Kafka, KafkaOptions, unique};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn takes_a_message_and_gives_it() -> Result<()> {
    let kafka = Kafka::shared().await?;
    let topic = unique("greetings");
    kafka.create_topic(&topic, 3).await?;
    send(kafka, &topic, "hello").await?;

    let group: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", unique("readers"))
        .set("auto.offset.reset", "earliest")
        .create()?;
    group.subscribe(&[&topic])?;
    let message = timeout(LIMIT, group.recv()).await??;
    assert_eq!(message.payload(), Some(&b"hello"[..]));
    Ok(())
}

#[tokio::test]
async fn keeps_its_topic_through_kill_and_stop() -> Result<()> {
    let mut kafka = Kafka::start().await?;
    let url = kafka.url().to_owned();
    kafka.create_topic("orders", 1).await?;
    send(&kafka, "orders", "1").await?;

    kafka.kill().await?;
    assert!(TcpStream::connect(kafka.bootstrap()).is_err(), "it still runs");
    kafka.start_again().await?;
    assert_eq!(kafka.url(), url);
    assert_eq!(stored(&kafka, 1).await?, ["1"]);

    send(&kafka, "orders", "2").await?;
    kafka.stop().await?;
    assert!(TcpStream::connect(kafka.bootstrap()).is_err(), "it still runs");
    kafka.start_again().await?;
    assert_eq!(stored(&kafka, 2).await?, ["1", "2"]);
    Ok(())
}

#[tokio::test]
async fn takes_its_options() -> Result<()> {
    let options = KafkaOptions {
        message_max_bytes: 2_000,
        auto_create_topics: true,
        properties: vec![("num.partitions".to_owned(), "2".to_owned())],
    };
    let kafka = Kafka::start_with(options).await?;
    send(&kafka, "made-when-named", "small").await?;
    let error = send(&kafka, "made-when-named", &"x".repeat(3_000)).await;
    assert_eq!(
        error.unwrap_err().rdkafka_error_code(),
        Some(RDKafkaErrorCode::MessageSizeTooLarge)
    );
    Ok(())
}

#[tokio::test]
async fn refuses_a_topic_that_is_there() -> Result<()> {
    let kafka = Kafka::shared().await?;
    let topic = unique("twice");
    kafka.create_topic(&topic, 1).await?;
    let refused = kafka.create_topic(&topic, 1).await.unwrap_err();
    assert!(
        matches!(
            refused,
            HarnessError::TopicRefused { code: RDKafkaErrorCode::TopicAlreadyExists, .. }
        ),
        "{refused}"
    );
    Ok(())
}

async fn send(kafka: &Kafka, topic: &str, payload: &str) -> Result<(), KafkaError> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("message.timeout.ms", "5000")
        .create()?;
    let record = FutureRecord::<(), _>::to(topic).payload(payload);
    let sent = producer.send(record, LIMIT).await;
    sent.map(drop).map_err(|(error, _)| error)
}

async fn stored(kafka: &Kafka, count: usize) -> Result<Vec<String>> {
    let reader: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", unique("readers"))
        .create()?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset("orders", 0, Offset::Beginning)?;
    reader.assign(&partitions)?;
    let mut payloads = Vec::new();
    while payloads.len() < count {
        let message = timeout(LIMIT, reader.recv()).await??;
        let payload = message.payload().unwrap_or_default().to_vec();
        payloads.push(String::from_utf8(payload)?);
    }
    Ok(payloads)
}
