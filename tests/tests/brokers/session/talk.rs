//! What every bus does.

use anyhow::ensure;
use m2m_engine::error::{Classify as _, Transience};
use m2m_engine::session::{ConnectError, End, RejectionCode};

use super::*;

/// Payloads of every kind; the long one is compressed.
fn payloads() -> Vec<Vec<u8>> {
    let long = format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "again and ".repeat(2_000)
    );
    let texts: [&[u8]; 5] = [b"", b"Hello", b"#M2M|1|no frame", b"\xff\x00", long.as_bytes()];
    texts.map(<[u8]>::to_vec).to_vec()
}

async fn two_agents_talk(bus: Bus<'_>) -> Result<()> {
    for protection in [organisation(1), Protection::Off] {
        let encrypted = !matches!(protection, Protection::Off);
        let a = bus.agent(settings("a", protection.clone())).await?;
        let mut b = bus.agent(settings("b", protection)).await?;
        let (mut asking, mut answering) = session(&a, &mut b).await?;
        ensure!(asking.id() == answering.id() && !asking.id().is_empty());
        ensure!((asking.peer_id(), answering.peer_id()) == ("b", "a"));
        ensure!((asking.is_encrypted(), answering.is_encrypted()) == (encrypted, encrypted));
        for payload in payloads() {
            asking.send(payload.clone()).await?;
            ensure!(within("a payload", answering.recv()).await?? == payload);
            answering.send(payload.clone()).await?;
            ensure!(within("a payload back", asking.recv()).await?? == payload);
        }
        // What was sent before the end still comes.
        answering.send("last").await?;
        let (ended, closed) = tokio::join!(answering.close(), async {
            let mut taken = Vec::new();
            loop {
                match asking.recv().await {
                    Ok(payload) => taken.push(payload),
                    Err(end) => return (taken, end),
                }
            }
        });
        ensure!(ended == End::Closed, "{ended:?}");
        ensure!(closed == (vec![b"last".to_vec()], End::ClosedByPeer), "{closed:?}");
        let error = asking.send("too late").await.err().context("it went")?;
        ensure!(error.transience() == Transience::Permanent, "{error:?}");
    }
    Ok(())
}

async fn sessions_do_not_mix_and_keep_their_order(bus: Bus<'_>) -> Result<()> {
    const SESSIONS: usize = 4;
    const EACH: usize = 50;
    let a = bus.agent(settings("a", Protection::Encrypted)).await?;
    let mut b = bus.agent(settings("b", Protection::Encrypted)).await?;
    let mut pairs = Vec::new();
    for _ in 0..SESSIONS {
        pairs.push(session(&a, &mut b).await?);
    }
    let mut asking = Vec::new();
    let mut answering = Vec::new();
    for (n, (mut mine, theirs)) in pairs.into_iter().enumerate() {
        ensure!(mine.id() == theirs.id());
        asking.push(tokio::spawn(async move {
            for m in 0..EACH {
                mine.send(format!("{n}/{m}")).await?;
            }
            anyhow::Ok(mine)
        }));
        answering.push((n, theirs));
    }
    for (n, theirs) in &mut answering {
        for m in 0..EACH {
            let payload = within("a payload", theirs.recv()).await??;
            ensure!(payload == format!("{n}/{m}").into_bytes(), "{payload:?} in {n} at {m}");
        }
    }
    for sending in asking {
        within("all to be sent", sending).await???;
    }
    Ok(())
}

async fn who_has_another_key_is_rejected(bus: Bus<'_>) -> Result<()> {
    let mut b = bus.agent(settings("b", organisation(1))).await?;
    let none = bus.agent(settings("a", Protection::Encrypted)).await?;
    let rejected = within("an answer", none.endpoint.connect(b.address.clone())).await?;
    let error = rejected.err().context("it was taken")?;
    ensure!(
        matches!(
            error,
            ConnectError::Ended(End::Rejected { code: RejectionCode::SecurityPolicy, .. })
        ),
        "{error:?}"
    );
    // The rejection of a stranger is not believed, but named in the end.
    let other = bus.agent(impatient("a", organisation(2))).await?;
    let rejected = within("the end", other.endpoint.connect(b.address.clone())).await?;
    let error = rejected.err().context("it was taken")?;
    ensure!(matches!(error, ConnectError::Ended(End::NoAnswer { .. })), "{error:?}");
    // Neither is a session for the other side.
    let same = bus.agent(settings("a", organisation(1))).await?;
    let (asking, answering) = session(&same, &mut b).await?;
    ensure!(asking.id() == answering.id(), "another session came first");
    Ok(())
}

async fn who_does_not_listen_says_so_and_who_is_not_there_says_nothing(bus: Bus<'_>) -> Result<()> {
    let a = bus.agent(impatient("a", Protection::Encrypted)).await?;
    let b = bus.agent(settings("b", Protection::Encrypted)).await?;
    let Agent { endpoint, listener, address } = b;
    drop(listener);
    let patient = bus.agent(settings("c", Protection::Encrypted)).await?;
    let rejected = within("an answer", patient.endpoint.connect(address)).await?;
    ensure!(matches!(rejected, Err(ConnectError::Ended(End::Rejected { .. }))), "{rejected:?}");
    drop(endpoint);
    let mut silent = bus.agent(settings("d", Protection::Encrypted)).await?;
    silent.address.name.push_str("-elsewhere");
    let error = within("the end", a.endpoint.connect(silent.address)).await?.err();
    let error = error.context("somebody answered")?;
    ensure!(
        matches!(
            error,
            ConnectError::Ended(End::NoAnswer { unproven: false }) | ConnectError::Bus(_)
        ),
        "{error:?}"
    );
    Ok(())
}

macro_rules! on_each_bus {
    ($($name:ident),*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                let client = m2m_memory::Client::new(m2m_memory::Bus::default(), super::engine());
                super::$name(super::Bus::Memory(&client)).await
            })*
        }
        mod nats {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name(super::Bus::Nats(super::Nats::shared().await?)).await
            })*
        }
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name(super::Bus::Kafka(super::Kafka::shared().await?)).await
            })*
        }
        mod amqp {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name(super::Bus::Amqp(super::Rabbit::shared().await?)).await
            })*
        }
    };
}

on_each_bus!(
    two_agents_talk,
    sessions_do_not_mix_and_keep_their_order,
    who_has_another_key_is_rejected,
    who_does_not_listen_says_so_and_who_is_not_there_says_nothing
);
