//! The wrapped consumer.

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt};
use m2m_kafka::{FutureProducer, Message, RecvError, StreamConsumer};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::message::{Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use rdkafka::{Offset, TopicPartitionList};

use super::{LIMIT, Topic, engine, request, within};

/// Framed payloads, numbered, in the order of offsets.
fn numbered(number: usize) -> String {
    request(500).replace("Rotterdam", &number.to_string())
}

async fn topic_with(count: usize, partitions: i32) -> Result<Topic> {
    let topic = Topic::new(partitions).await?;
    let producer: FutureProducer = FutureProducer::from_config(&topic.client, engine()?)?;
    for number in 0..count {
        let payload = numbered(number);
        let partition = number as i32 % partitions;
        let record = FutureRecord::<str, _>::to(&topic.name).payload(&payload).partition(partition);
        within("sent", producer.send(record, LIMIT)).await?.map_err(|(error, _)| error)?;
    }
    Ok(topic)
}

fn consumer(topic: &Topic) -> Result<StreamConsumer> {
    let mut client = topic.with("enable.auto.commit", "false");
    client.set("enable.auto.offset.store", "false");
    Ok(StreamConsumer::from_config(&client, engine()?)?)
}

async fn next(consumer: &StreamConsumer) -> Result<Message<'_>> {
    Ok(within("a message", consumer.recv()).await??)
}

fn expect(message: &Message<'_>, number: usize) {
    assert_eq!(message.payload(), Some(numbered(number).as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_committed_and_stored() -> Result<()> {
    let topic = topic_with(6, 1).await?;
    let reader = consumer(&topic)?;
    reader.subscribe(&[&topic.name])?;
    let first = next(&reader).await?;
    reader.commit_message(&first, CommitMode::Sync)?;
    assert_eq!(topic.committed(1).await?[&0], 1);

    let second = next(&reader).await?;
    reader.store_offset_from_message(&second)?;
    reader.commit_consumer_state(CommitMode::Sync)?;
    assert_eq!(topic.committed(1).await?[&0], 2);

    let third = next(&reader).await?;
    reader.store_offset(third.topic(), third.partition(), third.offset())?;
    reader.commit_consumer_state(CommitMode::Sync)?;
    assert_eq!(topic.committed(1).await?[&0], 3);

    // rdkafka's own messages too, so that a caller that keeps those needs no change.
    let fourth = next(&reader).await?;
    reader.commit_message(fourth.raw(), CommitMode::Sync)?;
    assert_eq!(topic.committed(1).await?[&0], 4);
    let fifth = next(&reader).await?.detach();
    reader.commit_message(&fifth, CommitMode::Sync)?;
    for list in [reader.position()?, reader.committed(LIMIT)?] {
        let partition = list.find_partition(&topic.name, 0).context("the partition")?;
        assert_eq!(partition.offset(), Offset::Offset(5));
    }
    // librdkafka waits for messages and lists that are still held, before it lets go of their consumer.
    drop((first, second, third, fourth));
    drop(reader);

    let reader = consumer(&topic)?;
    reader.subscribe(&[&topic.name])?;
    expect(&next(&reader).await?, 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn assigned_partitions_are_paused_resumed_and_sought() -> Result<()> {
    let topic = topic_with(6, 2).await?; // 0 2 4 and 1 3 5
    let reader = consumer(&topic)?;
    let partition = |partition| {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic.name, partition, Offset::Beginning).map(|()| list)
    };
    let mut both = partition(0)?;
    both.add_partition_offset(&topic.name, 1, Offset::Beginning)?;
    reader.assign(&both)?;
    reader.pause(&partition(0)?)?;
    for number in [1, 3, 5] {
        expect(&next(&reader).await?, number);
    }
    reader.resume(&partition(0)?)?;
    for number in [0, 2, 4] {
        expect(&next(&reader).await?, number);
    }
    reader.seek(&topic.name, 1, Offset::Offset(1), LIMIT)?;
    for number in [3, 5] {
        expect(&next(&reader).await?, number);
    }
    reader.unassign()?;
    assert_eq!(reader.assignment()?.count(), 0);
    let (low, high) = reader.fetch_watermarks(&topic.name, 0, LIMIT)?;
    assert_eq!((low, high), (0, 3));
    let metadata = reader.fetch_metadata(Some(&topic.name), LIMIT)?;
    assert_eq!(metadata.topics()[0].partitions().len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_gives_what_recv_gives() -> Result<()> {
    let topic = topic_with(4, 1).await?;
    let reader = consumer(&topic)?;
    reader.subscribe(&[&topic.name])?;
    let all = reader.stream().take(4).try_collect::<Vec<_>>();
    for (number, message) in within("the stream", all).await??.iter().enumerate() {
        expect(message, number);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_partition_is_opened_too() -> Result<()> {
    let topic = topic_with(4, 2).await?; // 0 2 and 1 3
    let reader = consumer(&topic)?;
    let mut both = TopicPartitionList::new();
    both.add_partition_range(&topic.name, 0, 1);
    both.set_all_offsets(Offset::Beginning)?;
    reader.assign(&both)?;
    let queue = reader.split_partition_queue(&topic.name, 1).context("no queue")?;
    // The consumer itself has to be asked as well, for its events.
    let others = reader.stream().take(2).try_collect::<Vec<_>>();
    let split = async {
        let first = queue.recv().await?;
        let mut stream = queue.stream();
        Ok((first, stream.next().await.transpose()?))
    };
    let (others, split) = within("both", futures_util::future::join(others, split)).await?;
    for (message, number) in others?.iter().zip([0, 2]) {
        expect(message, number);
    }
    let (first, second): (_, Option<_>) = split.map_err(|error: RecvError| error)?;
    expect(&first, 1);
    expect(&second.context("the stream ended")?, 3);
    Ok(())
}

/// The error carries the message with all that it had, is committed like any other, and the next one comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_unopenable_message_is_an_error_with_the_message() -> Result<()> {
    let topic = Topic::new(1).await?;
    let bare: rdkafka::producer::FutureProducer = topic.client.create()?;
    let headers = OwnedHeaders::new()
        .insert(Header { key: "content-encoding", value: Some("m2m") })
        .insert(Header { key: "x", value: None::<&str> });
    let bad = FutureRecord::to(&topic.name).key("k").payload("#M2M|1|nothing").headers(headers);
    let good = FutureRecord::to(&topic.name).key("k").payload("good");
    for record in [bad, good] {
        within("sent", bare.send(record, LIMIT)).await?.map_err(|(error, _)| error)?;
    }
    let reader = consumer(&topic)?;
    reader.subscribe(&[&topic.name])?;
    let error = within("a message", reader.recv()).await?.err().context("it was opened")?;
    let RecvError::Open(failure) = error else { panic!("{error:?}") };
    let raw = &failure.message;
    assert_eq!(raw.payload(), Some(&b"#M2M|1|nothing"[..]));
    assert_eq!((raw.topic(), raw.partition(), raw.offset()), (topic.name.as_str(), 0, 0));
    assert_eq!(raw.key(), Some(&b"k"[..]));
    let headers = raw.headers().context("headers")?;
    assert_eq!(headers.get(0), Header { key: "content-encoding", value: Some(&b"m2m"[..]) });
    assert_eq!(headers.get(1), Header { key: "x", value: None });
    reader.commit_message(raw, CommitMode::Sync)?;
    assert_eq!(topic.committed(1).await?[&0], 1);
    assert_eq!(next(&reader).await?.payload(), Some(&b"good"[..]));
    Ok(())
}
