//! The consumer behind a source: found, unfit, vanished.

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull, push};
use m2m_engine::bus::{Receipt, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_nats::link::{SourceError, StreamSource, StreamSourceConfig};
use m2m_tests::harness::{eventually, unique};

use super::{ACK_WAIT, Setup, number, numbers, take, within};

/// An error, then messages again.
async fn fails_once(source: &mut StreamSource) -> Result<SourceError> {
    loop {
        if let Err(error) = within("an error", source.recv()).await? {
            return Ok(error);
        }
    }
}

#[tokio::test]
async fn a_deleted_consumer_is_reported_and_made_anew() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..3).await?;
    let mut source = setup.source();
    let mut came = take(&mut source, 3).await?;
    within("an acknowledgement", came.remove(0).receipt.ack()).await??;
    let stream = setup.context.get_stream(&setup.stream).await?;
    stream.delete_consumer("d").await?;
    let error = fails_once(&mut source).await?;
    ensure!(matches!(error, SourceError::Messages { .. }), "{error:?}");
    ensure!(error.transience() == Transience::Transient, "{error:?}");
    let late = came.remove(0).receipt.ack().await.err().context("nobody is there to confirm it")?;
    ensure!(late.transience() == Transience::Transient, "{late:?}");
    // As configured, from the beginning: nothing is lost. What is done with or in work here is not given once more.
    ensure!(numbers(&mut source, 1).await? == [0]);
    within("an acknowledgement", came.remove(0).receipt.ack()).await??;
    eventually("the new consumer to know of all", async || {
        let info = setup.info().await;
        info.num_ack_pending == 0 && info.ack_floor.stream_sequence == 3
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn one_that_reads_what_is_new_goes_on_where_it_stood() -> Result<()> {
    let setup = Setup::new().await?;
    setup.publish(0..3).await?;
    let config = StreamSourceConfig { deliver_policy: DeliverPolicy::New, ..setup.config() };
    let mut source = StreamSource::new(setup.context.clone(), config);
    source.ready().await?;
    setup.publish(3..6).await?;
    let mut came = take(&mut source, 3).await?;
    ensure!(number(&came[0]) == 3, "an old one came");
    within("an acknowledgement", came.remove(0).receipt.ack()).await??;
    let stream = setup.context.get_stream(&setup.stream).await?;
    stream.delete_consumer("d").await?;
    fails_once(&mut source).await?;
    setup.publish(6..8).await?;
    // 4 and 5 are in work here.
    ensure!(numbers(&mut source, 2).await? == [6, 7]);
    for delivery in came {
        within("an acknowledgement", delivery.receipt.ack()).await??;
    }

    // Another stream of the same name has nothing to do with it.
    setup.context.delete_stream(&setup.stream).await?;
    fails_once(&mut source).await?;
    let again = jetstream::stream::Config {
        name: setup.stream.clone(),
        subjects: vec![format!("{}.>", setup.stream)],
        ..Default::default()
    };
    setup.context.create_stream(again).await?;
    setup.publish(0..2).await?;
    ensure!(numbers(&mut source, 2).await? == [0, 1]);
    Ok(())
}

#[tokio::test]
async fn an_existing_consumer_is_used_as_it_is() -> Result<()> {
    let setup = Setup::new().await?;
    let config = pull::Config {
        durable_name: Some("d".into()),
        filter_subject: format!("{}.b", setup.stream),
        ack_wait: ACK_WAIT,
        max_ack_pending: 2,
        ..pull::Config::default()
    };
    setup.context.create_consumer_on_stream(config, &setup.stream).await?;
    setup.publish(0..2).await?;
    for n in 2..7 {
        let subject = format!("{}.b", setup.stream);
        setup.context.publish(subject, n.to_string().into()).await?.await?;
    }
    let mut source = setup.source();
    let held = take(&mut source, 2).await?;
    ensure!(held.iter().map(number).eq([2, 3]));
    eventually("the limit of unacknowledged messages to be reached", async || {
        let info = setup.info().await;
        info.num_ack_pending == 2 && info.num_pending == 3
    })
    .await;
    for delivery in held {
        within("an acknowledgement", delivery.receipt.ack()).await??;
    }
    ensure!(numbers(&mut source, 2).await? == [4, 5]);
    ensure!(numbers(&mut source, 1).await? == [6]);
    let info = setup.info().await;
    ensure!(info.config.max_ack_pending == 2, "it was changed: {info:?}");
    Ok(())
}

#[tokio::test]
async fn several_subjects_are_filtered() -> Result<()> {
    let setup = Setup::new().await?;
    let name = &setup.stream;
    let config = StreamSourceConfig {
        filter_subjects: vec![format!("{name}.b"), format!("{name}.c.*")],
        ..setup.config()
    };
    let mut source = StreamSource::new(setup.context.clone(), config);
    for subject in ["a", "b", "c", "c.1"] {
        let subject = format!("{name}.{subject}");
        setup.context.publish(subject.clone(), "0".into()).await?.await?;
    }
    let came = take(&mut source, 2).await?;
    let names: Vec<_> =
        came.iter().map(|delivery| delivery.envelope.address.name.clone()).collect();
    ensure!(names == [format!("{name}.b"), format!("{name}.c.1")], "{names:?}");
    Ok(())
}

#[tokio::test]
async fn consumers_that_would_lose_messages_are_refused_for_good() -> Result<()> {
    let setup = Setup::new().await?;
    let (context, name) = (&setup.context, &setup.stream);
    let durable = |durable: &str| Some(durable.to_owned());
    let headers_only =
        pull::Config { durable_name: durable("h"), headers_only: true, ..Default::default() };
    context.create_consumer_on_stream(headers_only, name).await?;
    let all = pull::Config {
        durable_name: durable("a"),
        ack_policy: AckPolicy::All,
        ..Default::default()
    };
    context.create_consumer_on_stream(all, name).await?;
    let other = pull::Config {
        durable_name: durable("f"),
        filter_subject: format!("{name}.other"),
        ..Default::default()
    };
    context.create_consumer_on_stream(other, name).await?;
    let pushing = push::Config {
        durable_name: durable("p"),
        deliver_subject: unique("deliver"),
        ..Default::default()
    };
    context.create_consumer_on_stream(pushing, name).await?;
    for durable in ["h", "a", "f", "p"] {
        let config = StreamSourceConfig {
            durable: durable.to_owned(),
            filter_subjects: vec![format!("{name}.mine")],
            ..setup.config()
        };
        let mut source = StreamSource::new(context.clone(), config);
        let error = source.ready().await.err().context("it fits")?;
        ensure!(matches!(error, SourceError::Unfit { .. }), "{durable}: {error:?}");
        ensure!(error.transience() == Transience::Permanent);
    }
    let config = StreamSourceConfig { stream: unique("nowhere"), ..setup.config() };
    let mut source = StreamSource::new(context.clone(), config);
    let error = source.recv().await.err().context("there is no such stream")?;
    ensure!(matches!(error, SourceError::NoStream { .. }), "{error:?}");
    let config = StreamSourceConfig { durable: "not.valid".into(), ..setup.config() };
    let error = StreamSource::new(context.clone(), config).ready().await.err().context("valid")?;
    ensure!(error.transience() == Transience::Permanent, "{error:?}");
    Ok(())
}
