//! Messages that are signed, bound and remembered.

use anyhow::{Context as _, Result, ensure};
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use futures_util::StreamExt;
use m2m_engine::OpenError;
use m2m_nats::Client;
use m2m_tests::harness::{eventually, unique};

use crate::strict;

use super::{bare, header, is_framed, long, round_trip, stream, within};

async fn client() -> Result<Client> {
    Ok(Client::new(bare().await?, strict::engine()?))
}

#[tokio::test]
async fn a_repeated_message_is_acknowledged_where_each_one_is() -> Result<()> {
    for (policy, left) in [(AckPolicy::Explicit, 0), (AckPolicy::All, 3)] {
        let context = m2m_nats::jetstream::new(client().await?);
        let name = stream(context.inner(), Default::default()).await?;
        let subject = format!("{name}.a");
        context.publish(subject.clone(), long(1)).await?.await?;
        let stream = context.get_stream(&name).await?;
        let captured = stream.inner().get_raw_message(1).await?;
        let again = context.inner().publish_with_headers(
            subject.clone(),
            captured.headers,
            captured.payload,
        );
        again.await?.await?;
        context.publish(subject, long(2)).await?.await?;

        let config = pull::Config {
            durable_name: Some("d".into()),
            ack_policy: policy,
            ..Default::default()
        };
        let receiving =
            m2m_nats::jetstream::Context::new(context.inner().clone(), strict::engine()?);
        let consumer = receiving.create_consumer_on_stream(config, &name).await?;
        let mut messages = consumer.messages().await?;
        let first = within("the first", messages.next()).await?.context("ended")??;
        let second = within("the second", messages.next()).await?.context("ended")??;
        ensure!((first.payload == long(1)) & (second.payload == long(2)), "not passed over");
        ensure!(receiving.engine().repeated() == 1);
        // With one acknowledgement for all before it, none may go out for what the application has not done with.
        if policy == AckPolicy::Explicit {
            first.double_ack().await.map_err(anyhow::Error::from_boxed)?;
            second.double_ack().await.map_err(anyhow::Error::from_boxed)?;
        }
        eventually("the acknowledgements", async || {
            consumer.get_info().await.unwrap().num_ack_pending == left
        })
        .await;
        second.double_ack().await.map_err(anyhow::Error::from_boxed)?;
        ensure!(consumer.get_info().await?.num_ack_pending == 0, "{policy:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_looked_up_is_no_replay_and_makes_none() -> Result<()> {
    let context = m2m_nats::jetstream::new(client().await?);
    let name = stream(context.inner(), Default::default()).await?;
    context.publish(format!("{name}.a"), long(1)).await?.await?;
    let receiving = m2m_nats::jetstream::Context::new(context.inner().clone(), strict::engine()?);
    let stream = receiving.get_stream(&name).await?;
    for _ in 0..2 {
        ensure!(stream.get_raw_message(1).await?.payload == long(1));
    }
    let config = pull::Config { durable_name: Some("d".into()), ..Default::default() };
    let consumer = receiving.create_consumer_on_stream(config, &name).await?;
    let mut messages = consumer.messages().await?;
    let message = within("the message", messages.next()).await?.context("ended")??;
    ensure!(message.payload == long(1) && receiving.engine().repeated() == 0);
    ensure!(stream.get_raw_message(1).await?.payload == long(1));
    Ok(())
}

#[tokio::test]
async fn replies_are_secured_whoever_asks() -> Result<()> {
    let subject = unique("service");
    let service = client().await?;
    let mut requests = service.subscribe(subject.clone()).await?;
    round_trip(service.inner()).await?;
    let replying = service.clone();
    let serving = tokio::spawn(async move {
        let mut refused = Vec::new();
        while let Some(request) = requests.next().await {
            let request = match request {
                Ok(request) => request,
                // A service may answer what it cannot read, too.
                Err(failure) => {
                    refused.push(matches!(failure.source, OpenError::Policy(_)));
                    failure.message
                }
            };
            let last = request.payload == "last";
            if let Some(reply) = request.reply {
                replying.publish(reply, "short".into()).await.unwrap();
            }
            if last {
                break;
            }
        }
        refused
    });

    let answer = bare().await?.request(subject.clone(), "plain".into()).await?;
    ensure!(is_framed(&answer), "a plain reply: {answer:?}");
    ensure!(header(answer.headers.as_ref(), "m2m-key-id") == Some("strict"), "{answer:?}");
    let requester = client().await?;
    let answer = requester.request(subject.clone(), long(1)).await?;
    ensure!(answer.payload == "short", "{answer:?}");
    let answer = requester.request(subject, "last".into()).await?;
    ensure!(answer.payload == "short", "{answer:?}");
    ensure!(within("the service", serving).await?? == [true], "not by its policy");
    Ok(())
}

#[tokio::test]
async fn a_status_that_anybody_can_write_lets_no_payload_pass() -> Result<()> {
    use tokio::io::AsyncWriteExt as _;
    let (client, subject) = (client().await?, unique("status"));
    let mut subscriber = client.subscribe(subject.clone()).await?;
    round_trip(client.inner()).await?;
    let address = m2m_tests::harness::Nats::shared().await?.url().replace("nats://", "");
    let mut raw = tokio::net::TcpStream::connect(address).await?;
    let status = "NATS/1.0 100 Idle\r\nx: y\r\n\r\n";
    let line = format!(
        "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true}}\r\nHPUB {subject} {} {}\r\n{status}plain\r\nPING\r\n",
        status.len(),
        status.len() + "plain".len()
    );
    raw.write_all(line.as_bytes()).await?;
    let got = within("the message", subscriber.next()).await?.context("ended")?;
    let failure = got.err().context("opened")?;
    ensure!(matches!(failure.source, OpenError::Policy(_)), "{failure:?}");
    let mut headers = HeaderMap::new();
    headers.append("Nats-Msg-Size", "7");
    client.inner().publish_with_headers(subject, headers, "".into()).await?;
    let got = within("the message", subscriber.next()).await?.context("ended")?;
    ensure!(got.is_err(), "only headers, which nobody has signed: {got:?}");
    Ok(())
}
