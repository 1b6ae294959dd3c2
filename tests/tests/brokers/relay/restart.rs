//! A broker is away for a few seconds, as a source and as a target at the same time: nothing is lost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use m2m_tests::harness::{Broker, Kafka, Kind as Harness, Nats, Rabbit, eventually};
use tokio::time::timeout;

use super::bridge::{Running, route};
use super::messages::{check, complete, mixed};
use super::place::{Kind, LIMIT, Place};

const COUNT: usize = 2_000;
/// How long the broker stays away, besides what stopping and starting take.
const AWAY: Duration = Duration::from_secs(3);

/// How it goes.
#[derive(Debug, Clone, Copy)]
enum End {
    /// In good order: it tells its clients.
    Stopped,
    /// By SIGKILL.
    Killed,
}

/// Traffic from the broker to another kind and the other way, while it goes and comes again.
async fn restart<K: Harness>(
    mut broker: Broker<K>,
    end: End,
    kind: Kind,
    other: Kind,
) -> Result<()> {
    let url = broker.url().to_owned();
    let here = Place::at(kind, url.clone()).await?;
    let there = Place::new(other).await?;
    let (back_from, back_to) = (there.beside().await?, Place::at(kind, url).await?);
    // However few attempts a message has: no connection is none of them.
    let retry = "retry = { max_attempts = 4 }";
    let routes = route("out", &here, &there, retry) + &route("back", &back_from, &back_to, retry);
    let mut first = mixed(&here, COUNT)?;
    let second = first.split_off(COUNT / 2);
    // Before the bridge reads: RabbitMQ does not write to disk what is acknowledged at once, and when it is killed forgets some of these
    // acknowledgements and not others, so that what comes again is in no order.
    here.feed(first).await?;
    let mut out = there.taker().await?;
    let running = Running::start(&[&here, &there, &back_from, &back_to], &routes)?;
    // This one goes on while the broker is away.
    let feeding = tokio::spawn({
        let place = back_from.clone();
        async move { place.feed(mixed(&place, COUNT)?).await }
    });
    out.wait(200).await?;
    eventually("some have gone to it", async || running.bridge.counters()["back"].confirmed > 200)
        .await;
    match end {
        End::Stopped => broker.stop().await?,
        End::Killed => broker.kill().await?,
    }
    tokio::time::sleep(AWAY).await;
    broker.start_again().await?;
    here.feed(second).await?;
    timeout(LIMIT, feeding).await.context("feeding")???;

    let arrived = out.wait_until("all from it", |arrived| complete(arrived, COUNT)).await?;
    check(&here, &there, arrived, COUNT).context("from it")?;
    // Not read before: what a consumer had acknowledged when the broker was killed may come a second time, behind later messages.
    let mut back = back_to.taker().await?;
    let arrived = back.wait_until("all to it", |arrived| complete(arrived, COUNT)).await?;
    check(&back_from, &back_to, arrived, COUNT).context("to it")?;
    let report = running.stop().await?;
    ensure!(report.unsettled == 0, "{report:?}");
    for counted in report.routes.values() {
        ensure!(counted.dead_lettered == 0 && counted.nacked == 0, "{report:?}");
    }
    Ok(())
}

macro_rules! restarts {
    ($($name:ident: $broker:ident $end:ident, $kind:ident and $other:ident;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() -> Result<()> {
            restart($broker::start().await?, End::$end, Kind::$kind, Kind::$other).await
        })*
    };
}

restarts! {
    nats_is_stopped: Nats Stopped, Stream and Rabbit;
    nats_is_killed: Nats Killed, Stream and Kafka;
    kafka_is_stopped: Kafka Stopped, Kafka and Stream;
    kafka_is_killed: Kafka Killed, Kafka and Rabbit;
    rabbit_is_stopped: Rabbit Stopped, Rabbit and Kafka;
    rabbit_is_killed: Rabbit Killed, Rabbit and Stream;
}
