//! JetStream: published with acknowledgements, then pulled.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::{consumer, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use m2m_engine::Engine;
use m2m_tests::harness::{Nats, unique};

use crate::brokers::{IN_FLIGHT, Sample, Stopwatch};

/// The same code for both clients, whose calls have the same names.
macro_rules! pass {
    ($context:expr, $name:expr, $payloads:expr) => {{
        let (context, subject) = ($context, format!("{}.a", $name));
        let watch = Stopwatch::begin();
        let mut waiting = VecDeque::new();
        for payload in $payloads {
            if waiting.len() >= IN_FLIGHT {
                waiting.pop_front().context("none in flight")?.await?;
            }
            let sent = context.publish(subject.clone(), payload.clone()).await?;
            waiting.push_back(sent.into_future());
        }
        for acknowledged in waiting {
            acknowledged.await?;
        }
        let config = consumer::pull::Config {
            ack_policy: consumer::AckPolicy::None,
            ..consumer::pull::Config::default()
        };
        let consumer = context.create_consumer_on_stream(config, $name).await?;
        let mut messages = consumer.messages().await?;
        for payload in $payloads {
            let message = messages.next().await.context("the stream ended")??;
            anyhow::ensure!(message.payload == *payload, "another message than was sent");
        }
        watch
    }};
}

pub(super) async fn round(
    nats: &Nats,
    engine: Option<&Arc<Engine>>,
    payloads: &[Bytes],
) -> anyhow::Result<Sample> {
    let client = async_nats::connect(nats.url()).await?;
    let bare = async_nats::jetstream::new(client.clone());
    let name = unique("adapters");
    let subjects = vec![format!("{name}.>")];
    let config = stream::Config { name: name.clone(), subjects, ..stream::Config::default() };
    let mut stream = bare.create_stream(config).await?;
    let watch = match engine {
        None => pass!(&bare, name.clone(), payloads),
        Some(engine) => {
            let client = m2m_nats::Client::new(client, Arc::clone(engine));
            pass!(&m2m_nats::jetstream::new(client), name.clone(), payloads)
        }
    };
    let mut sample = watch.sample(0);
    sample.stored = stream.info().await?.state.bytes;
    bare.delete_stream(&name).await?;
    Ok(sample)
}
