//! Core NATS: publish, subscribe, queue groups, drain.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt;
use m2m_tests::harness::unique;

use super::{bare, frame, header, is_framed, long, round_trip, within, wrapped};

#[tokio::test]
async fn long_payloads_are_framed_and_marked_on_the_wire() -> Result<()> {
    let (client, bare, subject) = (wrapped().await?, bare().await?, unique("core"));
    let mut wire = bare.subscribe(subject.clone()).await?;
    round_trip(&bare).await?;
    let mut opened = client.subscribe(subject.clone()).await?;
    client.publish(subject.clone(), long(1)).await?;
    client.publish(subject.clone(), "short".into()).await?;

    let framed = within("the framed message", wire.next()).await?.context("ended")?;
    ensure!(is_framed(&framed) && framed.payload.len() < long(1).len());
    ensure!(header(framed.headers.as_ref(), "Content-Encoding") == Some("m2m"));
    let plain = within("the plain message", wire.next()).await?.context("ended")?;
    ensure!(plain.payload == "short" && plain.headers.is_none());

    let first = within("the message, opened", opened.next()).await?.context("ended")??;
    ensure!(first.payload == long(1) && first.headers.is_none(), "a mark was left: {first:?}");
    let second = within("the short message", opened.next()).await?.context("ended")??;
    ensure!(second.payload == "short");
    Ok(())
}

#[tokio::test]
async fn members_of_a_queue_group_share_the_messages() -> Result<()> {
    const SENT: usize = 200;
    let (one, other, subject) = (wrapped().await?, wrapped().await?, unique("queue"));
    let mut first = one.queue_subscribe(subject.clone(), "workers".into()).await?;
    let mut second = other.queue_subscribe(subject.clone(), "workers".into()).await?;
    round_trip(one.inner()).await?;
    round_trip(other.inner()).await?;
    let sender = wrapped().await?;
    for n in 0..SENT {
        sender.publish(subject.clone(), long(n)).await?;
    }
    let (mut came, mut shares) = (BTreeSet::new(), [0, 0]);
    while came.len() < SENT {
        let (message, member) = within("a message at either member", async {
            tokio::select! {
                message = first.next() => (message, 0),
                message = second.next() => (message, 1),
            }
        })
        .await?;
        ensure!(came.insert(message.context("ended")??.payload), "one came to both");
        shares[member] += 1;
    }
    ensure!(shares[0] > 0 && shares[1] > 0, "one of them got all: {shares:?}");
    Ok(())
}

#[tokio::test]
async fn unsubscribing_and_draining_end_the_stream_behind_what_is_there() -> Result<()> {
    let (client, subject) = (wrapped().await?, unique("drain"));
    let mut three = client.subscribe(subject.clone()).await?;
    three.unsubscribe_after(3).await?;
    let mut all = client.subscribe(subject.clone()).await?;
    for n in 0..5 {
        client.publish(subject.clone(), long(n)).await?;
    }
    round_trip(client.inner()).await?;
    client.drain().await?;
    for (subscriber, count) in [(&mut three, 3), (&mut all, 5)] {
        for n in 0..count {
            let message = within("what is there", subscriber.next()).await?.context("ended")??;
            ensure!(message.payload == long(n));
        }
        ensure!(within("the end", subscriber.next()).await?.is_none(), "it goes on");
    }
    Ok(())
}

#[tokio::test]
async fn an_unopenable_message_does_not_end_the_subscription() -> Result<()> {
    let (client, subject) = (wrapped().await?, unique("damaged"));
    let mut subscriber = client.subscribe(subject.clone()).await?;
    let whole = frame(&long(1));
    let damaged = whole.slice(..whole.len() - 1);
    client.inner().publish(subject.clone(), damaged.clone()).await?;
    client.publish(subject.clone(), long(2)).await?;
    let failure = within("the error", subscriber.next()).await?.context("ended")?.err();
    let failure = failure.context("it was opened")?;
    ensure!(failure.message.payload == damaged && *failure.message.subject == *subject);
    let next = within("the next one", subscriber.next()).await?.context("ended")??;
    ensure!(next.payload == long(2));
    Ok(())
}
