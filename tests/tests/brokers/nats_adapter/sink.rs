//! Sinks of the link: what they refuse, and what they make of ids and of headers that steer the server.

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::consumer::push;
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt;
use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Envelope, Sink, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_nats::link::{
    CoreSink, CoreSource, SinkError, StreamSink, StreamSinkConfig, StreamSource, StreamSourceConfig,
};
use m2m_tests::harness::unique;

use super::{bare, header, round_trip, stream, within};

fn envelope(subject: &str) -> Envelope {
    Envelope {
        address: Address { name: subject.to_owned(), ..Address::default() },
        payload: Some("payload".into()),
        ..Envelope::default()
    }
}

async fn send<S: Sink>(sink: &mut S, envelope: Envelope) -> Result<(), S::Error> {
    sink.send(envelope).await?.await
}

async fn jetstream_sink() -> Result<(Context, StreamSink)> {
    let context = jetstream::new(bare().await?);
    let sink = StreamSink::new(context.clone(), StreamSinkConfig::default());
    Ok((context, sink))
}

#[tokio::test]
async fn an_id_that_was_seen_is_stored_once_and_confirmed_twice() -> Result<()> {
    let (context, mut sink) = jetstream_sink().await?;
    let name = stream(&context, Default::default()).await?;
    let sent =
        Envelope { dedup_id: Some("nats/S/7 größe".into()), ..envelope(&format!("{name}.a")) };
    send(&mut sink, sent.clone()).await?;
    send(&mut sink, sent.clone()).await?;
    send(&mut sink, Envelope { dedup_id: Some("nats/S/8".into()), ..sent }).await?;
    let stored = context.get_stream(&name).await?.cached_info().state.messages;
    ensure!(stored == 2, "{stored} were stored");
    Ok(())
}

#[tokio::test]
async fn headers_that_steer_the_server_are_carried_and_do_nothing() -> Result<()> {
    let (context, mut sink) = jetstream_sink().await?;
    let rollup = jetstream::stream::Config { allow_rollup: true, ..Default::default() };
    let name = stream(&context, rollup).await?;
    let subject = format!("{name}.a");
    send(&mut sink, envelope(&subject)).await?;
    let steering = [
        ("Nats-Expected-Last-Sequence", "99"),
        ("Nats-Expected-Stream", "another"),
        ("Nats-Msg-Id", "of the producer"),
        ("Nats-Rollup", "all"),
    ];
    let mut steered = envelope(&subject);
    steered.headers = steering.iter().map(|(name, value)| Header::text(*name, *value)).collect();
    send(&mut sink, steered.clone()).await?;
    // On two subjects of one stream, a copied id would lose the second message.
    send(&mut sink, Envelope { address: envelope(&format!("{name}.b")).address, ..steered })
        .await?;
    let handle = context.get_stream(&name).await?;
    ensure!(handle.cached_info().state.messages == 3, "emptied, or one dropped");
    let stored = handle.get_raw_message(3).await?;
    ensure!(header(Some(&stored.headers), "m2m-src-Nats-Rollup") == Some("all"));

    // Natively from a producer, and read by the source.
    let mut headers = async_nats::HeaderMap::new();
    headers.append("Nats-Msg-Id", "of the producer");
    context.publish_with_headers(subject, headers, "4".into()).await?.await?;
    let config = StreamSourceConfig {
        stream: name.clone(),
        durable: "d".into(),
        ..StreamSourceConfig::default()
    };
    let mut source = StreamSource::new(context.clone(), config);
    let mut came = Vec::new();
    while came.len() < 4 {
        came.extend(within("messages", source.recv()).await??);
    }
    let last = &came[3].envelope;
    ensure!(last.header("m2m-src-Nats-Msg-Id") == Some("of the producer"), "{last:?}");
    ensure!(last.identity.as_deref() == Some(&*format!("nats/{name}/4")), "{last:?}");
    ensure!(last.properties.reply_to.is_none(), "the address of the acknowledgement: {last:?}");
    Ok(())
}

#[tokio::test]
async fn what_can_never_go_is_refused_for_good_and_the_sink_goes_on() -> Result<()> {
    let (context, mut sink) = jetstream_sink().await?;
    let small = jetstream::stream::Config { max_message_size: 100, ..Default::default() };
    let name = stream(&context, small).await?;
    let good = || envelope(&format!("{name}.a"));
    let too_long = |len| Envelope { payload: Some(vec![b'x'; len].into()), ..good() };
    let line_feed = |name: &str| envelope(&format!("{name}\r\nPUB x 0"));
    let refused = [
        line_feed(&name),
        envelope(&format!("{name}.*")),
        envelope(&format!("{name}..a")),
        envelope(&format!("{name}.{}", "a".repeat(5000))),
        envelope(&unique("no.stream")),
        Envelope { dedup_id: Some("a\nb".into()), ..good() },
        too_long(101),
        too_long(2 << 20),
    ];
    for envelope in refused {
        let what = format!("{:.60?}", envelope.address);
        let error =
            send(&mut sink, envelope).await.err().with_context(|| format!("went: {what}"))?;
        ensure!(error.transience() == Transience::Permanent, "{error:?}");
        send(&mut sink, good()).await?;
    }
    let nowhere = send(&mut sink, envelope("no.stream.here")).await.err().context("it went")?;
    ensure!(matches!(nowhere, SinkError::NoStream { .. }), "{nowhere:?}");
    Ok(())
}

#[tokio::test]
async fn a_line_feed_in_a_header_neither_panics_nor_is_lost() -> Result<()> {
    let (context, mut sink) = jetstream_sink().await?;
    let name = stream(&context, Default::default()).await?;
    let list = vec![
        Header::text("x-lines", "one\r\nNats-Rollup: all\r\n\r\n"),
        Header::text("x\r\ny", "name"),
    ];
    send(&mut sink, Envelope { headers: list.clone(), ..envelope(&format!("{name}.a")) }).await?;
    let config = StreamSourceConfig { stream: name, durable: "d".into(), ..Default::default() };
    let mut source = StreamSource::new(context, config);
    let came = within("the message", source.recv()).await??;
    ensure!(came[0].envelope.headers == list, "{:?}", came[0].envelope);
    Ok(())
}

#[tokio::test]
async fn reply_addresses_cross_core_nats_and_ack_addresses_do_not() -> Result<()> {
    let (client, subject) = (bare().await?, unique("core"));
    let mut wire = client.subscribe(subject.clone()).await?;
    let mut source = CoreSource::new(client.clone(), subject.clone(), None);
    source.ready().await?;
    let mut sink = CoreSink::new(client.clone());
    let mut asking = envelope(&subject);
    asking.properties.reply_to = Some("answers.here".into());
    send(&mut sink, asking.clone()).await?;
    let message = within("the message", wire.next()).await?.context("ended")?;
    ensure!(message.reply.as_deref() == Some("answers.here"));
    let came = within("the message", source.recv()).await??;
    ensure!(came[0].envelope == asking, "{:?}", came[0].envelope);

    // What a push consumer delivers to a subject says where to acknowledge it, and nobody waits for a reply there.
    let context = jetstream::new(client.clone());
    let name = stream(&context, Default::default()).await?;
    let pushing = push::Config { deliver_subject: subject.clone(), ..push::Config::default() };
    context.create_consumer_on_stream(pushing, &name).await?;
    context.publish(format!("{name}.a"), "pushed".into()).await?.await?;
    let pushed = within("the message", wire.next()).await?.context("ended")?;
    ensure!(pushed.reply.is_some_and(|reply| reply.starts_with("$JS.ACK.")));
    let came = within("the message", source.recv()).await??;
    ensure!(came[0].envelope.properties.reply_to.is_none(), "{:?}", came[0].envelope);

    // Closing leaves the subject; the receipts have nothing to settle.
    source.close().await?;
    round_trip(&client).await?;
    client.publish(subject, "after".into()).await?;
    Ok(())
}
