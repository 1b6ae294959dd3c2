//! Requests and replies between peers that read frames and peers that do not.

use anyhow::{Context as _, Result, bail, ensure};
use async_nats::{HeaderMap, Message, Request, RequestErrorKind, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use m2m_nats::{Client, RequestError};
use m2m_tests::harness::unique;

use super::{bare, frame, header, is_framed, long, round_trip, within, wrapped};

/// A wrapped service that answers each request with a long reply.
async fn service(subject: &str) -> Result<Client> {
    let client = wrapped().await?;
    let mut requests = client.subscribe(subject.to_owned()).await?;
    round_trip(client.inner()).await?;
    let replying = client.clone();
    tokio::spawn(async move {
        while let Some(Ok(request)) = requests.next().await {
            if let Some(reply) = request.reply {
                replying.publish(reply, long(7)).await.unwrap();
            }
        }
    });
    Ok(client)
}

/// What goes over the wire to the inboxes of this client.
async fn inboxes_of(client: &async_nats::Client) -> Result<Subscriber> {
    let watching = bare().await?;
    let inbox = client.new_inbox();
    let prefix = inbox.rsplit_once('.').context("an inbox without a prefix")?.0;
    let watch = watching.subscribe(format!("{prefix}.>")).await?;
    round_trip(&watching).await?;
    Ok(watch)
}

/// A client whose inboxes nobody else has.
async fn alone() -> Result<async_nats::Client> {
    let url = m2m_tests::harness::Nats::shared().await?.url();
    let options = async_nats::ConnectOptions::new().custom_inbox_prefix(unique("INBOX"));
    Ok(async_nats::connect_with_options(url, options).await?)
}

async fn wire(watch: &mut Subscriber) -> Result<Message> {
    within("a reply on the wire", watch.next()).await?.context("ended")
}

#[tokio::test]
async fn a_bare_requester_gets_a_plain_reply() -> Result<()> {
    let subject = unique("service");
    let _service = service(&subject).await?;
    let requester = alone().await?;
    for request in ["short".into(), long(1)] {
        let answer = requester.request(subject.clone(), request).await?;
        ensure!(answer.payload == long(7) && answer.headers.is_none(), "framed: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_requester_that_sends_a_frame_or_says_so_gets_a_framed_reply() -> Result<()> {
    let subject = unique("service");
    let service = service(&subject).await?;
    let requester = alone().await?;
    let framed = requester.request(subject.clone(), frame(&long(1))).await?;
    ensure!(is_framed(&framed), "the request was framed, and the reply is not");
    let mut accept = HeaderMap::new();
    accept.append("m2m-accept", "1");
    let answer = requester.request_with_headers(subject.clone(), accept, "short".into()).await?;
    ensure!(is_framed(&answer), "the requester reads frames, and the reply is none");
    ensure!(header(answer.headers.as_ref(), "Content-Encoding") == Some("m2m"));
    let opened = service.engine().open(&answer.payload, &Default::default())?;
    ensure!(*opened.payload == *long(7));
    Ok(())
}

#[tokio::test]
async fn switched_peers_frame_both_ways_and_see_nothing_of_it() -> Result<()> {
    let subject = unique("service");
    let _service = service(&subject).await?;
    let inner = alone().await?;
    let mut watch = inboxes_of(&inner).await?;
    let requester = Client::new(inner, super::engine());
    let answer = requester.request(subject.clone(), "short".into()).await?;
    ensure!(answer.payload == long(7) && answer.headers.is_none());
    ensure!(is_framed(&wire(&mut watch).await?), "the reply went out plain");

    let mut headers = HeaderMap::new();
    headers.append("x-tenant", "1");
    let answer = requester.request_with_headers(subject.clone(), headers, long(2)).await?;
    ensure!(answer.payload == long(7));

    // An inbox of the requester's own choice.
    let inbox = requester.new_inbox();
    let request = Request::new().payload(long(3)).inbox(inbox).timeout(Some(super::DEADLINE));
    ensure!(requester.send_request(subject.clone(), request).await?.payload == long(7));
    Ok(())
}

#[tokio::test]
async fn a_bare_service_is_told_that_a_framed_reply_can_be_read() -> Result<()> {
    let (bare, subject) = (bare().await?, unique("service"));
    let mut requests = bare.subscribe(subject.clone()).await?;
    round_trip(&bare).await?;
    let requester = wrapped().await?;
    let asking = tokio::spawn({
        let (requester, subject) = (requester.clone(), subject.clone());
        async move { requester.request(subject, "short".into()).await }
    });
    let request = within("the request", requests.next()).await?.context("ended")?;
    ensure!(request.payload == "short", "small, and framed");
    ensure!(header(request.headers.as_ref(), "m2m-accept") == Some("1"));
    let reply = request.reply.context("no reply address")?;
    bare.publish(reply, "plain".into()).await?;
    ensure!(within("the answer", asking).await???.payload == "plain");

    // Asking for replies by hand says so too; passing on a request of somebody who does not read frames does not.
    requester.publish_with_reply(subject.clone(), requester.new_inbox(), "1".into()).await?;
    let own = within("a request", requests.next()).await?.context("ended")?;
    ensure!(header(own.headers.as_ref(), "m2m-accept") == Some("1"));
    let front = unique("front");
    let mut at_front = requester.subscribe(front.clone()).await?;
    round_trip(requester.inner()).await?;
    bare.publish_with_reply(front, "_INBOX.somebody", "2".into()).await?;
    let passed = within("to pass on", at_front.next()).await?.context("ended")??;
    let reply = passed.reply.context("no reply address")?;
    requester.publish_with_reply(subject, reply, passed.payload).await?;
    let further = within("passed on", requests.next()).await?.context("ended")?;
    ensure!(header(further.headers.as_ref(), "m2m-accept").is_none(), "{further:?}");
    Ok(())
}

#[tokio::test]
async fn an_unknown_inbox_gets_a_plain_reply() -> Result<()> {
    let (client, bare) = (wrapped().await?, bare().await?);
    let inbox = bare.new_inbox();
    let mut replies = bare.subscribe(inbox.clone()).await?;
    round_trip(&bare).await?;
    client.publish(inbox, long(1)).await?;
    let reply = within("the reply", replies.next()).await?.context("ended")?;
    ensure!(reply.payload == long(1), "framed for somebody unknown");
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_with_a_request_is_told() -> Result<()> {
    let (client, subject) = (wrapped().await?, unique("nobody"));
    let error = client.request(subject.clone(), long(1)).await.err().context("an answer")?;
    ensure!(error.kind() == Some(RequestErrorKind::NoResponders), "{error:?}");
    ensure!(error.into_payload() == Some(long(1)), "not the payload that was given");

    let bare = bare().await?;
    let mut requests = bare.subscribe(subject.clone()).await?;
    round_trip(&bare).await?;
    let whole = frame(&long(2));
    let damaged: Bytes = whole.slice(..whole.len() - 1);
    tokio::spawn({
        let damaged = damaged.clone();
        async move {
            let request = requests.next().await.unwrap();
            bare.publish(request.reply.unwrap(), damaged).await.unwrap();
            bare.flush().await.unwrap();
        }
    });
    match client.request(subject, "ask".into()).await {
        Err(RequestError::Open(failure)) => ensure!(failure.message.payload == damaged),
        other => bail!("{other:?}"),
    }
    Ok(())
}
