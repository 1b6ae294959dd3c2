//! Somebody on the bus, on a real NATS server: what passes by he reads, keeps, changes and sends again.

use anyhow::ensure;
use async_nats::{Client, Message, Subscriber};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt as _;
use m2m_engine::secure::SecretKey;
use m2m_engine::session::{ConnectError, End, Kind};

use super::*;

async fn mallory() -> Result<Client> {
    Ok(async_nats::connect(Nats::shared().await?.url()).await?)
}

async fn subscribed(client: &Client, subject: &str) -> Result<Subscriber> {
    let subscriber = client.subscribe(subject.to_owned()).await?;
    client.flush().await?;
    Ok(subscriber)
}

fn kind(message: &Message) -> Kind {
    m2m_engine::session::Message::read(&message.payload).unwrap().kind()
}

/// The message with the public key in it swapped for his.
fn swapped(payload: &[u8]) -> Vec<u8> {
    let his = STANDARD.encode(SecretKey::generate().unwrap().public().as_bytes());
    let text = String::from_utf8(payload.to_vec()).unwrap();
    match text.find("\"m2m-key\":\"") {
        Some(at) => {
            let at = at + "\"m2m-key\":\"".len();
            format!("{}{his}{}", &text[..at], &text[at + his.len()..]).into_bytes()
        }
        None => text.into_bytes(),
    }
}

/// Stands between `front`, which one side takes for the other, and `back`: he passes on what `change` makes of it, to the back and to the front.
async fn between(
    front: String,
    back: String,
    change: impl Fn(&Message, bool) -> Vec<Vec<u8>> + Send + 'static,
) -> Result<tokio::task::JoinHandle<Result<()>>> {
    let client = mallory().await?;
    let inbox = client.new_inbox();
    let mut from_front = subscribed(&client, &front).await?;
    let mut from_back = subscribed(&client, &inbox).await?;
    Ok(tokio::spawn(async move {
        let mut asking = None;
        loop {
            let (message, to_back) = tokio::select! {
                Some(message) = from_front.next() => (message, true),
                Some(message) = from_back.next() => (message, false),
                else => return Ok(()),
            };
            if to_back {
                asking = message.reply.clone();
            }
            let to = if to_back { Some(back.clone().into()) } else { asking.clone() };
            let headers = message.headers.clone().unwrap_or_default();
            for payload in change(&message, to_back) {
                let (to, headers) = (to.clone().context("nobody asked")?, headers.clone());
                let (reply, payload) = (inbox.clone(), payload.into());
                client.publish_with_reply_and_headers(to, reply, headers, payload).await?;
            }
        }
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_man_in_the_middle_who_swaps_keys_gets_no_session() -> Result<()> {
    let nats = Bus::Nats(Nats::shared().await?);
    // In HELLO, in ACCEPT, in both.
    for swap in [[true, false], [false, true], [true, true]] {
        let a = nats.agent(impatient("a", organisation(1))).await?;
        let b = nats.agent(settings("b", organisation(1))).await?;
        let front = unique("front");
        let middle = between(front.clone(), b.address.name.clone(), move |message, to_back| {
            let swaps = if to_back { swap[0] } else { swap[1] };
            vec![if swaps { swapped(&message.payload) } else { message.payload.to_vec() }]
        })
        .await?;
        let result = within("the end", a.endpoint.connect(address(&front))).await?;
        let error = result.err().context("a session, with a man in the middle")?;
        let unproven = matches!(error, ConnectError::Ended(End::NoAnswer { unproven: true }));
        ensure!(unproven, "{swap:?}: {error:?}");
        middle.abort();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_organisations_key_swapped_keys_are_taken_and_nothing_comes_through()
-> Result<()> {
    let nats = Bus::Nats(Nats::shared().await?);
    let a = nats.agent(impatient("a", Protection::Encrypted)).await?;
    let mut b = nats.agent(settings("b", Protection::Encrypted)).await?;
    let front = unique("front");
    between(front.clone(), b.address.name.clone(), |message, _| vec![swapped(&message.payload)])
        .await?;
    // The handshake alone does not tell, as docs/security.md says. But he would have to encrypt anew what he passes on.
    let mut asking = within("an answer", a.endpoint.connect(address(&front))).await??;
    asking.send("secret").await?;
    let other = nats.agent(settings("c", Protection::Encrypted)).await?;
    let (mut honest, mut at_b) = session(&other, &mut b).await?;
    ensure!(at_b.peer_id() == "c", "a session with {}", at_b.peer_id());
    honest.send("after").await?;
    ensure!(within("a payload", at_b.recv()).await?? == b"after");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_answers_twice_is_heard_once() -> Result<()> {
    let nats = Bus::Nats(Nats::shared().await?);
    let a = nats.agent(settings("a", organisation(1))).await?;
    let mut b = nats.agent(settings("b", organisation(1))).await?;
    let front = unique("front");
    between(front.clone(), b.address.name.clone(), |message, _| {
        vec![message.payload.to_vec(), message.payload.to_vec()]
    })
    .await?;
    let mut asking = within("an answer", a.endpoint.connect(address(&front))).await??;
    let mut answering = within("a session", b.listener.accept()).await?.context("no session")?;
    ensure!(asking.id() == answering.id());
    for n in 0..20 {
        asking.send(n.to_string()).await?;
        ensure!(within("a payload", answering.recv()).await?? == n.to_string().as_bytes());
        answering.send(n.to_string()).await?;
        ensure!(within("a payload back", asking.recv()).await?? == n.to_string().as_bytes());
    }
    let second = futures_util::FutureExt::now_or_never(b.listener.accept());
    ensure!(second.is_none(), "two sessions for one HELLO");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_sent_again_or_of_another_session_are_refused() -> Result<()> {
    let nats = Bus::Nats(Nats::shared().await?);
    let a = nats.agent(settings("a", organisation(1))).await?;
    let mut b = nats.agent(settings("b", organisation(1))).await?;
    let spy = mallory().await?;
    let mut seen = subscribed(&spy, &b.address.name).await?;
    let (mut first, mut first_at_b) = session(&a, &mut b).await?;
    let (mut second, mut second_at_b) = session(&a, &mut b).await?;
    for n in 0..3 {
        first.send(format!("first {n}")).await?;
        ensure!(
            within("a payload", first_at_b.recv()).await?? == format!("first {n}").into_bytes()
        );
    }
    let mut captured = Vec::new();
    while captured.len() < 3 {
        let message = within("what passes by", seen.next()).await?.context("no more")?;
        captured.extend((kind(&message) == Kind::Data).then_some(message.payload));
    }
    for payload in captured {
        let text = String::from_utf8(payload.to_vec())?;
        ensure!(!text.contains("first"), "in the clear: {text}");
        let moved = text.replace(first.id(), second.id());
        ensure!(moved != text);
        for sent in [text, moved] {
            spy.publish(b.address.name.clone(), sent.into()).await?;
        }
    }
    spy.flush().await?;
    // A CLOSE of his own making ends nothing.
    let close = format!(
        r#"{{"type":"CLOSE","session_id":"{}","payload":{{"counter":9}},"timestamp":1}}"#,
        first.id()
    );
    spy.publish(b.address.name.clone(), close.into()).await?;
    spy.flush().await?;
    first.send("last").await?;
    second.send("last").await?;
    ensure!(within("a payload", first_at_b.recv()).await?? == b"last");
    ensure!(within("a payload", second_at_b.recv()).await?? == b"last");
    Ok(())
}
