//! What the NATS adapter does beyond the conformance suite, on a real server.

mod consumers;
mod core;
mod limits;
mod publish;
mod replies;
mod restart;
mod secured;
mod sink;
mod source;
mod untouched;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::{self, Context};
use async_nats::{HeaderMap, Message, RequestErrorKind};
use bytes::Bytes;
use m2m_engine::frame::Form;
use m2m_engine::{Config, Engine, Outbound};
use m2m_nats::Client;
use m2m_tests::harness::{Nats, unique};

const DEADLINE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(DEADLINE, future)
        .await
        .with_context(|| format!("not within {DEADLINE:?}: {what}"))
}

fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(Config::default()).unwrap())
}

async fn bare() -> Result<async_nats::Client> {
    Ok(async_nats::connect(Nats::shared().await?.url()).await?)
}

async fn wrapped() -> Result<Client> {
    Ok(m2m_nats::connect(Nats::shared().await?.url(), engine()).await?)
}

/// A stream of its own for `NAME.>`, and its name.
async fn stream(context: &Context, more: jetstream::stream::Config) -> Result<String> {
    let name = unique("nats");
    let config = jetstream::stream::Config {
        name: name.clone(),
        subjects: vec![format!("{name}.>")],
        ..more
    };
    context.create_stream(config).await?;
    Ok(name)
}

/// Waits until the server has processed what this client sent before.
async fn round_trip(client: &async_nats::Client) -> Result<()> {
    let answer = client.request(client.new_inbox(), Bytes::new()).await;
    let kind = answer.err().map(|error| error.kind());
    ensure!(kind == Some(RequestErrorKind::NoResponders), "somebody answered: {kind:?}");
    Ok(())
}

/// JSON that is worth a frame.
fn long(number: usize) -> Bytes {
    let words = "where is the shipment that left Rotterdam last week ".repeat(20);
    serde_json::json!({
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": format!("{number}: {words}")}],
    })
    .to_string()
    .into()
}

fn frame(payload: &[u8]) -> Bytes {
    let engine = engine();
    let wrapped = engine.wrap(payload, &Outbound::default()).unwrap();
    assert!(wrapped.is_framed());
    Bytes::copy_from_slice(&wrapped.bytes)
}

fn is_framed(message: &Message) -> bool {
    Form::of(&message.payload) != Form::Plain
}

fn header<'a>(headers: Option<&'a HeaderMap>, name: &'static str) -> Option<&'a str> {
    Some(headers?.get(name)?.as_str())
}
