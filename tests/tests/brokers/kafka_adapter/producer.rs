//! The wrapped producer.

use anyhow::{Context, Result};
use m2m_engine::error::{Classify, Transience};
use m2m_engine::frame::{Form, peek};
use m2m_engine::{Config, Engine, Limits};
use m2m_kafka::{FutureProducer, SendError, StreamConsumer};
use rdkafka::Timestamp;
use rdkafka::consumer::{Consumer as _, StreamConsumer as BareConsumer};
use rdkafka::message::{Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;

use super::{LIMIT, Topic, engine, incompressible, request, within};

type List = Vec<(String, Option<Vec<u8>>)>;

fn headers() -> OwnedHeaders {
    OwnedHeaders::new()
        .insert(Header { key: "x", value: Some("1") })
        .insert(Header { key: "content-encoding", value: Some("identity") })
        .insert(Header { key: "null", value: None::<&str> })
        .insert(Header { key: "x", value: Some(&[0xff, 0, 0xfe]) })
        .insert(Header { key: "empty", value: Some("") })
}

fn list(headers: &impl Headers) -> List {
    headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect()
}

/// Key, headers, timestamp and partition, of a framed record and of a plain one, on the wire and opened.
#[tokio::test(flavor = "multi_thread")]
async fn everything_but_the_payload_is_as_it_was() -> Result<()> {
    let topic = Topic::new(3).await?;
    let producer: FutureProducer = FutureProducer::from_config(&topic.client, engine()?)?;
    let framed = request(1000);
    for (payload, is_framed) in [(framed.as_str(), true), ("{}", false)] {
        let bare: BareConsumer = topic.with("group.id", "bare").create()?;
        let opening: StreamConsumer =
            StreamConsumer::from_config(&topic.with("group.id", "opening"), engine()?)?;
        // Not the time of sending; and not so old that Kafka deletes it.
        let time = Timestamp::now().to_millis().context("a time")? - 3_600_000;
        let record = FutureRecord::to(&topic.name)
            .key(&[0xff, 0x00, 0x01])
            .payload(payload)
            .headers(headers())
            .timestamp(time)
            .partition(2);
        let delivery = within("a record is delivered", producer.send(record, LIMIT));
        let delivery = delivery.await?.map_err(|(error, _)| error)?;
        assert_eq!(delivery.partition, 2);

        let mut only = rdkafka::TopicPartitionList::new();
        let offset = rdkafka::Offset::Offset(delivery.offset);
        only.add_partition_offset(&topic.name, 2, offset)?;
        bare.assign(&only)?;
        opening.assign(&only)?;
        let raw = within("the bare message", bare.recv()).await??;
        let message = within("the opened message", opening.recv()).await??;

        let mut on_the_wire = list(&headers());
        if is_framed {
            on_the_wire[1].1 = Some(b"identity, m2m".to_vec());
            let header = peek(raw.payload().context("a payload")?)?;
            assert_eq!(header.model(), "gpt-4o");
        } else {
            assert_eq!(raw.payload(), Some(payload.as_bytes()));
        }
        assert_eq!(list(raw.headers().context("headers")?), on_the_wire);
        assert_eq!(message.is_framed(), is_framed);
        assert_eq!(message.payload(), Some(payload.as_bytes()));
        assert_eq!(message.payload_view::<str>().context("a payload")??, payload);
        assert_eq!(list(message.headers().context("headers")?), list(&headers()));
        assert_eq!(list(message.raw().headers().context("headers")?), on_the_wire);
        for key in [raw.key(), message.key()] {
            assert_eq!(key, Some(&[0xff, 0x00, 0x01][..]));
        }
        for timestamp in [raw.timestamp(), message.timestamp()] {
            assert_eq!(timestamp, Timestamp::CreateTime(time));
        }
        let owned = message.detach();
        assert_eq!(owned.payload(), message.payload());
        assert_eq!(list(owned.headers().context("headers")?), list(&headers()));
        assert_eq!((owned.partition(), owned.offset()), (2, delivery.offset));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_is_not_an_empty_payload() -> Result<()> {
    let topic = Topic::new(1).await?;
    let producer: FutureProducer = FutureProducer::from_config(&topic.client, engine()?)?;
    let consumer: StreamConsumer = StreamConsumer::from_config(&topic.client, engine()?)?;
    consumer.subscribe(&[&topic.name])?;
    let tombstone = FutureRecord::<_, str>::to(&topic.name).key("k");
    let empty = FutureRecord::to(&topic.name).key("k").payload("");
    let no_key = FutureRecord::<str, _>::to(&topic.name).payload("p");
    for record in [tombstone, empty, no_key] {
        let sent = within("a record is delivered", producer.send(record, LIMIT)).await?;
        sent.map_err(|(error, _)| error)?;
    }
    for (key, payload) in [(Some("k"), None), (Some("k"), Some("")), (None, Some("p"))] {
        let message = within("a message", consumer.recv()).await??;
        assert_eq!(message.key(), key.map(str::as_bytes));
        assert_eq!(message.payload(), payload.map(str::as_bytes));
        assert_eq!(message.detach().payload(), payload.map(str::as_bytes));
        assert!(message.headers().is_none() && !message.is_framed());
    }
    Ok(())
}

/// The client's own limit, judged on the frame: before anything is enqueued.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_over_the_clients_limit_comes_back_as_it_was() -> Result<()> {
    let topic = Topic::new(1).await?;
    let client = topic.with("message.max.bytes", "5000");
    let producer: FutureProducer = FutureProducer::from_config(&client, engine()?)?;

    // Far over it, and not when framed.
    let shrinks = request(50_000);
    let record = FutureRecord::to(&topic.name).key("k").payload(&shrinks);
    within("sent", producer.send(record, LIMIT)).await?.map_err(|(error, _)| error)?;

    let payload = incompressible(20_000);
    let record = || FutureRecord::to(&topic.name).key("k").payload(&payload).headers(headers());
    let (error, message) =
        within("refused", producer.send(record(), LIMIT)).await?.err().context("it was sent")?;
    let SendError::TooLarge { len, limit: Some(5000) } = error else { panic!("{error:?}") };
    assert!(len > 5000 && len < payload.len(), "{len}");
    assert_eq!(error.transience(), Transience::Permanent);
    assert_eq!(message.payload(), Some(payload.as_bytes()));
    assert_eq!(list(message.headers().context("headers")?), list(&headers()));
    assert_eq!(message.key(), Some(&b"k"[..]));

    let (error, record) = producer.send_result(record()).err().context("it was enqueued")?;
    assert!(matches!(error, SendError::TooLarge { limit: Some(5000), .. }), "{error:?}");
    assert_eq!(record.payload, Some(&payload));
    assert_eq!(list(record.headers.as_ref().context("headers")?), list(&headers()));
    Ok(())
}

/// The topic's limit, which only the broker knows: at the delivery.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_over_the_topics_limit_comes_back_as_it_was() -> Result<()> {
    let topic = Topic::new(1).await?;
    topic.limit("max.message.bytes", "5000").await?;

    let producer: FutureProducer = FutureProducer::from_config(&topic.client, engine()?)?;
    let payload = incompressible(20_000);
    let plain = "x".to_owned() + &payload; // not JSON, but framed all the same
    for payload in [payload, plain] {
        let record = || FutureRecord::to(&topic.name).key("k").payload(&payload).headers(headers());
        let sent = within("refused", producer.send(record(), LIMIT)).await?;
        let enqueued = producer.send_result(record()).map_err(|(error, _)| error)?;
        let delivered = within("refused", enqueued).await??;
        for refused in [sent, delivered] {
            let (error, message) = refused.err().context("it was sent")?;
            assert!(matches!(error, SendError::TooLarge { limit: None, .. }), "{error:?}");
            assert_eq!(message.payload(), Some(payload.as_bytes()));
            assert_eq!(list(message.headers().context("headers")?), list(&headers()));
            assert_eq!(message.key(), Some(&b"k"[..]));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_refuses_comes_back_and_is_not_sent() -> Result<()> {
    let topic = Topic::new(1).await?;
    let limits = Limits { inflated: 1000, ..Limits::default() };
    let engine = Engine::new(Config { limits, ..Config::default() })?;
    let producer: FutureProducer = FutureProducer::from_config(&topic.client, engine.into())?;
    let payload = request(2000);
    let record = || FutureRecord::to(&topic.name).key("k").payload(&payload).partition(0);
    let (error, message) =
        within("refused", producer.send(record(), LIMIT)).await?.err().context("it was sent")?;
    assert!(matches!(error, SendError::Wrap(_)), "{error:?}");
    assert_eq!((message.payload(), message.partition()), (Some(payload.as_bytes()), 0));
    let (_, record) = producer.send_result(record()).err().context("it was enqueued")?;
    assert_eq!(record.payload, Some(&payload));
    let (_, end) =
        within("asked", async { producer.client().fetch_watermarks(&topic.name, 0, LIMIT) })
            .await??;
    assert_eq!(end, 0, "it was sent");
    Ok(())
}

/// A full queue holds a send up and fails a `send_result`, and neither frames twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_waited_for() -> Result<()> {
    let topic = Topic::new(1).await?;
    let mut client = topic.with("queue.buffering.max.messages", "2");
    client.set("linger.ms", "300");
    let producer: FutureProducer = FutureProducer::from_config(&client, engine()?)?;
    let payload = request(1000);
    let record = || FutureRecord::<str, _>::to(&topic.name).payload(&payload).headers(headers());
    let mut enqueued = Vec::new();
    let (error, back) = loop {
        match producer.send_result(record()) {
            Ok(delivery) => enqueued.push(delivery),
            Err(refused) => break refused,
        }
        assert!(enqueued.len() < 100, "the queue takes everything");
    };
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
    assert_eq!(error.transience(), Transience::Transient);
    assert_eq!(back.payload, Some(&payload));
    assert_eq!(list(back.headers.as_ref().context("headers")?), list(&headers()));
    let at_once = std::time::Duration::ZERO;
    let (error, message) = within("refused", producer.send(record(), at_once))
        .await?
        .err()
        .context("there was room")?;
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
    assert_eq!(message.payload(), Some(payload.as_bytes()));
    within("there is room", producer.send(back, LIMIT)).await?.map_err(|(error, _)| error)?;
    for delivery in enqueued {
        within("delivered", delivery).await??.map_err(|(error, _)| error)?;
    }
    producer.flush(LIMIT)?;

    let consumer: BareConsumer = topic.client.create()?;
    consumer.subscribe(&[&topic.name])?;
    for _ in 0..3 {
        let message = within("a message", consumer.recv()).await??;
        let payload = message.payload().context("a payload")?;
        assert_eq!(Form::of(payload), Form::M2m);
        assert_eq!(engine()?.open(payload, &Default::default())?.payload, request(1000).as_bytes());
    }
    Ok(())
}
