//! Transactions, over the wrapped producer.

use anyhow::{Context, Result};
use m2m_kafka::{FutureProducer, StreamConsumer};
use m2m_tests::harness::unique;
use rdkafka::consumer::Consumer as _;
use rdkafka::producer::{FutureRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::{LIMIT, Topic, engine, request, within};

/// What was aborted is not read; what was committed is, and with it the offsets of what it answers.
#[tokio::test(flavor = "multi_thread")]
async fn only_committed_transactions_are_read() -> Result<()> {
    let topic = Topic::new(1).await?;
    let answers = Topic::new(1).await?;
    let id = unique("transactions");
    let producer: FutureProducer =
        FutureProducer::from_config(&topic.with("transactional.id", &id), engine()?)?;
    let reader: StreamConsumer =
        StreamConsumer::from_config(&topic.with("enable.auto.commit", "false"), engine()?)?;
    reader.subscribe(&[&topic.name])?;
    let client = answers.with("isolation.level", "read_committed");
    let committed: StreamConsumer = StreamConsumer::from_config(&client, engine()?)?;
    committed.subscribe(&[&answers.name])?;

    let plain: FutureProducer = FutureProducer::from_config(&topic.client, engine()?)?;
    let question = FutureRecord::<str, _>::to(&topic.name).payload("question");
    within("sent", plain.send(question, LIMIT)).await?.map_err(|(error, _)| error)?;
    let question = within("the question", reader.recv()).await??;

    within("init", blocking(&producer, |producer| producer.init_transactions(LIMIT))).await???;
    for (payload, commits) in [("aborted", false), ("committed", true)] {
        let payload = request(1000).replace("Rotterdam", payload);
        producer.begin_transaction()?;
        let answer = FutureRecord::<str, _>::to(&answers.name).payload(&payload);
        let sent = within("sent", producer.send(answer, LIMIT)).await?;
        sent.map_err(|(error, _)| error)?;
        let mut offsets = TopicPartitionList::new();
        let next = Offset::Offset(question.offset() + 1);
        offsets.add_partition_offset(question.topic(), question.partition(), next)?;
        let group = reader.group_metadata().context("a group")?;
        let ended = blocking(&producer, move |producer| {
            producer.send_offsets_to_transaction(&offsets, &group, LIMIT)?;
            match commits {
                true => producer.commit_transaction(LIMIT),
                false => producer.abort_transaction(LIMIT),
            }
        });
        within("the transaction ends", ended).await???;
        let expected = if commits { question.offset() + 1 } else { 0 };
        assert_eq!(topic.committed(1).await?[&0], expected, "{commits}");
    }
    let message = within("the committed one", committed.recv()).await??;
    let payload = message.payload_view::<str>().context("a payload")??;
    assert!(message.is_framed() && payload.contains("committed"), "{payload}");
    Ok(())
}

/// rdkafka's calls about transactions block.
async fn blocking<T: Send + 'static>(
    producer: &FutureProducer,
    call: impl FnOnce(FutureProducer) -> T + Send + 'static,
) -> Result<T> {
    let producer = producer.clone();
    Ok(tokio::task::spawn_blocking(move || call(producer)).await?)
}
