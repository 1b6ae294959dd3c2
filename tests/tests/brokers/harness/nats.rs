use anyhow::{Context, Result};
use async_nats::jetstream::{self, stream};
use futures_util::StreamExt;
use m2m_tests::harness::{Nats, NatsOptions, unique};

#[tokio::test]
async fn takes_a_message_and_gives_it() -> Result<()> {
    let client = async_nats::connect(Nats::shared().await?.url()).await?;
    let subject = unique("greetings");
    let mut subscription = client.subscribe(subject.clone()).await?;
    client.publish(subject, "hello".into()).await?;
    let message = subscription.next().await.context("no message")?;
    assert_eq!(message.payload, "hello");
    Ok(())
}

#[tokio::test]
async fn keeps_its_stream_through_kill_and_stop() -> Result<()> {
    let mut nats = Nats::start().await?;
    let url = nats.url().to_owned();
    let config = stream::Config {
        name: "orders".to_owned(),
        subjects: vec!["orders.>".to_owned()],
        ..stream::Config::default()
    };
    let jetstream = jetstream::new(async_nats::connect(&url).await?);
    jetstream.create_stream(config).await?;
    jetstream.publish("orders.new", "1".into()).await?.await?;

    nats.kill().await?;
    assert!(async_nats::connect(&url).await.is_err(), "it still runs");
    nats.start_again().await?;
    assert_eq!(nats.url(), url);
    assert_eq!(stored(&url).await?, ["1"]);

    let jetstream = jetstream::new(async_nats::connect(&url).await?);
    jetstream.publish("orders.new", "2".into()).await?.await?;
    nats.stop().await?;
    assert!(async_nats::connect(&url).await.is_err(), "it still runs");
    nats.start_again().await?;
    assert_eq!(stored(&url).await?, ["1", "2"]);
    Ok(())
}

async fn stored(url: &str) -> Result<Vec<String>> {
    let jetstream = jetstream::new(async_nats::connect(url).await?);
    let mut stream = jetstream.get_stream("orders").await?;
    let last = stream.info().await?.state.last_sequence;
    let mut payloads = Vec::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await?;
        payloads.push(String::from_utf8(message.payload.to_vec())?);
    }
    Ok(payloads)
}

#[tokio::test]
async fn takes_its_options() -> Result<()> {
    let options = NatsOptions { max_payload: 65_536, config: "server_name: custom".to_owned() };
    let nats = Nats::start_with(options).await?;
    let client = async_nats::connect(nats.url()).await?;
    assert_eq!(client.max_payload(), 65_536);
    assert_eq!(client.server_info().server_name, "custom");
    Ok(())
}
