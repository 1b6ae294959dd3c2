//! The server goes down and comes back under a source and a sink.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::{self, Context};
use m2m_engine::bus::{Address, Delivery, Envelope, Receipt, Sink, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_nats::link::{
    CoreSink, CoreSource, SinkError, StreamSink, StreamSinkConfig, StreamSource, StreamSourceConfig,
};
use m2m_tests::harness::Nats;
use tokio::sync::watch;

use super::{bare, stream, within};

const SENT: usize = 4000;
const IN_FLIGHT: usize = 200;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

fn numbered(subject: &str, number: usize) -> Envelope {
    Envelope {
        address: Address { name: subject.to_owned(), ..Address::default() },
        payload: Some(number.to_string().into()),
        ..Envelope::default()
    }
}

fn number(payload: Option<&[u8]>) -> Result<usize> {
    Ok(std::str::from_utf8(payload.context("null")?)?.parse()?)
}

/// Sends as the relay does: after a failure everything from the first unconfirmed message on once more, in order.
async fn send_all(mut sink: StreamSink, subject: String, at: watch::Sender<usize>) -> Result<()> {
    let (mut confirmed, mut next, mut in_flight) = (0, 0, VecDeque::new());
    while confirmed < SENT {
        let outcome = if next < SENT && in_flight.len() < IN_FLIGHT {
            sink.send(numbered(&subject, next)).await.map(|confirmation| {
                in_flight.push_back(confirmation);
                next += 1;
            })
        } else {
            let oldest = in_flight.pop_front().context("nothing in flight")?;
            oldest.await.map(|()| confirmed += 1)
        };
        at.send_replace(confirmed);
        if let Err(error) = outcome {
            ensure!(error.transience() == Transience::Transient, "{error:?}");
            in_flight.clear();
            next = confirmed;
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
    sink.close().await?;
    Ok(())
}

/// Takes and acknowledges until each number has come. Gives the places in the stream of what came, in the order in which each came
/// first: one whose acknowledgement was lost comes again.
async fn take_all(mut source: StreamSource, at: watch::Sender<usize>) -> Result<Vec<u64>> {
    let (mut places, mut seen) = (Vec::new(), BTreeSet::new());
    while seen.len() < SENT {
        match source.recv().await {
            Ok(batch) => {
                for Delivery { envelope, receipt } in batch {
                    seen.insert(number(envelope.payload.as_deref())?);
                    let identity = envelope.identity.context("no identity")?;
                    let place = identity.rsplit('/').next().context("no place")?.parse()?;
                    if !places.contains(&place) {
                        places.push(place);
                    }
                    // Where it fails, the message comes again.
                    tokio::spawn(receipt.ack());
                }
                at.send_replace(seen.len());
            }
            Err(error) => {
                ensure!(error.transience() == Transience::Transient, "{error:?}");
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
        }
    }
    source.close().await?;
    Ok(places)
}

async fn stored(context: &Context, name: &str) -> Result<Vec<usize>> {
    use futures_util::StreamExt;
    let config = jetstream::consumer::pull::OrderedConfig::default();
    let consumer = context.create_consumer_on_stream(config, name).await?;
    let count = context.get_stream(name).await?.cached_info().state.messages;
    let mut messages = consumer.messages().await?.take(usize::try_from(count)?);
    let mut numbers = Vec::new();
    while let Some(message) = within("a stored message", messages.next()).await? {
        numbers.push(number(Some(&message?.payload))?);
    }
    Ok(numbers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing() -> Result<()> {
    let mut server = Nats::start().await?;
    let context = jetstream::new(async_nats::connect(server.url()).await?);
    let name = stream(&context, Default::default()).await?;
    let subject = format!("{name}.a");
    // Each its own connection, as in two relays.
    let sending = jetstream::new(async_nats::connect(server.url()).await?);
    let config = StreamSinkConfig { ack_timeout: Duration::from_secs(2), ..Default::default() };
    let sink = StreamSink::new(sending, config);
    let taking = jetstream::new(async_nats::connect(server.url()).await?);
    let config = StreamSourceConfig {
        stream: name.clone(),
        durable: "d".into(),
        ack_wait: Duration::from_secs(2),
        ack_timeout: Duration::from_secs(2),
        heartbeat: Duration::from_secs(1),
        ..StreamSourceConfig::default()
    };
    let source = StreamSource::new(taking, config);
    let (confirmed, mut sent) = watch::channel(0);
    let (given, mut taken) = watch::channel(0);
    let mut sending = tokio::spawn(send_all(sink, subject, confirmed));
    let mut taking = tokio::spawn(take_all(source, given));

    for share in [4, 2] {
        within("some to be on their way", async {
            let (some_sent, some_taken) = (SENT / share, SENT / share / 2);
            sent.wait_for(|count| *count >= some_sent).await.ok();
            taken.wait_for(|count| *count >= some_taken).await.ok();
        })
        .await?;
        server.kill().await?;
        server.start_again().await?;
    }
    within("all to be confirmed", &mut sending).await???;
    let places = within("all to be taken", &mut taking).await???;
    ensure!(places.is_sorted(), "taken in another order than the stream's: {places:?}");

    let mut last_copies = vec![None; SENT];
    for (place, number) in stored(&context, &name).await?.into_iter().enumerate() {
        last_copies[number] = Some(place);
    }
    ensure!(last_copies.iter().all(Option::is_some), "confirmed, and not stored");
    ensure!(last_copies.is_sorted(), "the last copies are stored in another order");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_again_and_again_changes_no_order() -> Result<()> {
    const BREAKS: usize = 8;
    let client = bare().await?;
    let context = jetstream::new(client);
    let name = stream(&context, Default::default()).await?;
    let mut stored = Vec::new();
    for n in 0..SENT {
        stored.push(context.publish(format!("{name}.a"), n.to_string().into()).await?);
    }
    for acknowledgement in stored {
        acknowledgement.await?;
    }
    let broken = bare().await?;
    let config = StreamSourceConfig {
        stream: name,
        durable: "d".into(),
        ack_wait: Duration::from_secs(1),
        // Few at a time, so that there is always something on its way.
        max_in_flight: 100,
        ..StreamSourceConfig::default()
    };
    let source = StreamSource::new(jetstream::new(broken.clone()), config);
    let (given, mut taken) = watch::channel(0);
    let mut taking = tokio::spawn(take_all(source, given));
    for n in 1..=BREAKS {
        let share = SENT * n / (BREAKS + 1);
        within("some to be taken", taken.wait_for(|count| *count >= share)).await??;
        broken.force_reconnect().await?;
    }
    let places = within("all to be taken", &mut taking).await???;
    ensure!(places.len() == SENT && places.is_sorted(), "in another order: {places:?}");
    Ok(())
}

#[tokio::test]
async fn while_the_server_is_away_sinks_say_so_and_then_go_on() -> Result<()> {
    let mut server = Nats::start().await?;
    let client = async_nats::connect(server.url()).await?;
    let context = jetstream::new(client.clone());
    let name = stream(&context, Default::default()).await?;
    let subject = format!("{name}.a");
    let mut source = CoreSource::new(client.clone(), subject.clone(), None);
    source.ready().await?;
    let mut core = CoreSink::new(client.clone());
    let mut sink = StreamSink::new(context, StreamSinkConfig::default());
    server.stop().await?;
    within("the client to notice", async {
        while client.connection_state() == async_nats::connection::State::Connected {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    let error = sink.send(numbered(&subject, 0)).await.err().context("it went")?;
    ensure!(matches!(error, SinkError::Disconnected), "{error:?}");
    let error = core.send(numbered(&subject, 0)).await.err().context("it went")?;
    ensure!(error.transience() == Transience::Transient, "{error:?}");

    server.start_again().await?;
    let sent = async {
        loop {
            match sink.send(numbered(&subject, 1)).await {
                Ok(confirmation) => return confirmation.await,
                Err(error) if error.transience() == Transience::Transient => {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Err(error) => return Err(error),
            }
        }
    };
    within("the sink to go on", sent).await??;
    core.send(numbered(&subject, 2)).await?.await?;
    let mut came = Vec::new();
    while came.len() < 2 {
        for delivery in within("the source to go on", source.recv()).await?? {
            came.push(number(delivery.envelope.payload.as_deref())?);
        }
    }
    ensure!(came == [1, 2], "{came:?}");
    Ok(())
}
