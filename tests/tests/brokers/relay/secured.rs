//! A bridge without keys between peers that have them: what is signed and encrypted crosses it, and opens at the far end.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::headers::{self, Header};
use m2m_engine::bus::{Address, Envelope, Native};
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, Replay, SecurityConfig};
use m2m_engine::{Config, Engine, Inbound, OpenError, Outbound};

use super::bridge::{Running, route};
use super::place::{Kind, Place};

const COUNT: usize = 24;

/// An engine that requires encryption and remembers what came.
fn engine() -> Result<Arc<Engine>> {
    let key = Key::new("relayed", Mode::Aead, KeyMaterial::from([9; KeyMaterial::LEN]))?;
    let security = SecurityConfig {
        replay: Some(Replay::default()),
        ..SecurityConfig::new(Keyring::new(key))
    };
    let config = Config { security: Some(security), ..Config::default() };
    Ok(Arc::new(Engine::new(config)?))
}

/// What the sender says, every fourth time nothing more.
fn said(number: usize) -> Option<Bytes> {
    let text =
        format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{number}?"}}]}}"#);
    (!number.is_multiple_of(4)).then(|| text.into())
}

fn destination(address: &Address) -> String {
    format!("{}/{}", address.exchange, address.name)
}

/// A message as a wrapped client sends it.
fn secured(engine: &Engine, from: &Place, number: usize) -> Result<Envelope> {
    let (address, key) = (from.address(number), format!("key-{number}"));
    let destination = destination(&address);
    let outbound = Outbound {
        key: Some(key.as_bytes()),
        time: Some(SystemTime::now()),
        ..Outbound::to(&destination)
    };
    let (payload, added) = match said(number) {
        Some(said) => {
            let mut wrapped = engine.wrap(&said, &outbound)?;
            let added = std::mem::take(&mut wrapped.headers);
            (Some(wrapped.into_bytes(&said)), added)
        }
        None => (None, engine.wrap_null(&outbound)?),
    };
    let mut list = vec![Header::text("number", number.to_string())];
    list.extend(added.into_iter().map(|(name, value)| Header::text(name, value)));
    Ok(Envelope { address, key: Some(key.into()), payload, headers: list, ..Envelope::default() })
}

/// What a wrapped client makes of an arrival, which says where it was sent at first; `identity` is the far broker's.
fn opened(
    engine: &Engine,
    from: &Place,
    envelope: &Envelope,
    identity: &str,
) -> Result<Result<Option<Bytes>, OpenError>> {
    let mut envelope = envelope.clone();
    let native =
        Native { key: true, tombstone: true, properties: true, reply_to: true, timestamp: true };
    envelope.unfold(native);
    let number: usize = envelope.header("number").context("no number")?.parse()?;
    let found: Vec<(&str, &str)> = envelope
        .headers
        .iter()
        .filter(|header| headers::is_engines(&header.name))
        .filter_map(|header| Some((header.name.as_str(), header.as_text()?)))
        .collect();
    ensure!(found.len() == 2, "the engine's headers: {found:?}");
    let source = destination(&from.address(number));
    let inbound = Inbound {
        key: envelope.key.as_deref(),
        time: Some(SystemTime::now()),
        identity: Some(identity),
        headers: &found,
        ..Inbound::from(&source)
    };
    Ok(match &envelope.payload {
        Some(payload) => {
            ensure!(payload.starts_with(b"#M2M|1|"), "{number} is no frame");
            engine.open(payload, &inbound).map(|opened| Some(opened.into_bytes(payload)))
        }
        None => engine.open_null(&inbound).map(|()| None),
    })
}

async fn relayed(from: Kind, to: Kind) -> Result<()> {
    let (from, to) = (Place::new(from).await?, Place::new(to).await?);
    let (sender, receiver) = (engine()?, engine()?);
    let sent = (0..COUNT).map(|number| secured(&sender, &from, number));
    from.feed(sent.collect::<Result<_>>()?).await?;
    let mut taker = to.taker().await?;
    let running = Running::start(&[&from, &to], &route("secured", &from, &to, ""))?;
    let arrived = taker.wait(COUNT).await?;
    for envelope in arrived {
        let number: usize = envelope.header("number").context("no number")?.parse()?;
        let first = opened(&receiver, &from, envelope, &format!("first/{number}"))?;
        let first = first.with_context(|| format!("{number} does not open"))?;
        ensure!(first == said(number), "{number} became {first:?}");
        // As a relay would that sends it twice.
        let again = opened(&receiver, &from, envelope, &format!("second/{number}"))?;
        ensure!(matches!(again, Err(OpenError::Repeated)), "{number} opened twice: {again:?}");
    }
    ensure!(receiver.repeated() == COUNT as u64, "counted: {}", receiver.repeated());
    let report = running.stop().await?;
    ensure!(report.routes["secured"].sent == COUNT as u64, "{report:?}");
    Ok(())
}

macro_rules! pairs {
    ($($name:ident: $from:ident => $to:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() -> Result<()> {
            relayed(Kind::$from, Kind::$to).await
        })*
    };
}

pairs! {
    kafka_to_nats: Kafka => Stream,
    kafka_to_rabbit: Kafka => Rabbit,
    nats_to_kafka: Stream => Kafka,
    nats_to_rabbit: Stream => Rabbit,
    rabbit_to_kafka: Rabbit => Kafka,
    rabbit_to_nats: Rabbit => Stream,
    memory_to_nats: Memory => Stream,
}
