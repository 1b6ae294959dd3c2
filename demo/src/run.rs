//! From the first message to the last: starts everybody, watches, stops everybody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::buses::Buses;
use crate::figures::{Figures, Produced};
use crate::ledger::Ledger;
use crate::producers::Desk;
use crate::report::{End, line};
use crate::routing::Routing;
use crate::traffic::Script;

/// How often figures are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// After this long without any progress what is missing counts as lost.
const STALLED: Duration = Duration::from_secs(30);

/// Runs it all, each script within `pace`; `None` when interrupted.
pub(crate) async fn run(
    buses: Buses,
    scripts: Vec<Script>,
    pace: Option<Duration>,
    limit: usize,
) -> anyhow::Result<Option<End>> {
    let planned = scripts.iter().map(|script| script.len).sum();
    let producer = |script: &Script| Produced {
        name: script.name.clone(),
        model: script.model.clone(),
        ..Produced::default()
    };
    let ledger = Arc::new(Ledger::new(Figures {
        producers: scripts.iter().map(producer).collect(),
        destinations: buses.destinations,
        planned,
        ..Figures::default()
    }));
    let bridge = Arc::clone(&buses.bridge);
    let stop = CancellationToken::new();
    let mut relaying = tokio::spawn({
        let (bridge, stop) = (Arc::clone(&bridge), stop.clone());
        async move { bridge.run(stop).await }
    });

    let mut reading = JoinSet::new();
    for (destination, inlet) in buses.inlets.into_iter().enumerate() {
        reading.spawn(inlet.consume(destination, Arc::clone(&ledger)));
    }
    reading.spawn(buses.tap.weigh(Arc::clone(&ledger)));
    let desk = Desk {
        outlet: buses.outlet,
        prefix: buses.prefix,
        routing: Arc::new(Routing::new()?),
        ledger: Arc::clone(&ledger),
        pace,
    };
    let mut writing = JoinSet::new();
    for (producer, script) in scripts.into_iter().enumerate() {
        writing.spawn(desk.clone().produce(producer, script));
    }

    let relayed = || bridge.counters().values().next().map(line).unwrap_or_default();
    let mut board = Board::new(format!("m2m-bus, {}", buses.words), planned)?;
    let mut looks = interval(LOOK);
    let (mut progress, mut since) = (0, Instant::now());
    let interrupted = loop {
        select! {
            _ = tokio::signal::ctrl_c() => break true,
            Some(ended) = writing.join_next() => ended.context("a producer")?.context("a producer")?,
            Some(ended) = reading.join_next() => {
                ended.context("a consumer")?.context("a consumer")?;
                anyhow::bail!("a consumer ended before everything had arrived");
            }
            ended = &mut relaying => {
                ended.context("the bridge")?.context("the bridge")?;
                anyhow::bail!("the bridge ended before everything had arrived");
            }
            _ = looks.tick() => {
                let figures = ledger.figures();
                board.show(&figures, &relayed())?;
                let now = figures.sent() + figures.refused() + figures.arrived() + figures.seen();
                if now != progress {
                    (progress, since) = (now, Instant::now());
                }
                if figures.settled() || since.elapsed() > STALLED {
                    break false;
                }
            }
        }
    };
    if interrupted {
        board.interrupted()?;
        return Ok(None);
    }
    stop.cancel();
    let report = relaying.await.context("the bridge")?.context("the bridge")?;
    reading.shutdown().await;
    if let Some(amqp) = buses.amqp {
        amqp.close(200, "done".into()).await?;
    }
    let figures = ledger.figures();
    let took = board.finish(&figures, &relayed())?;
    Ok(Some(End {
        reordered: ledger.reordered(),
        bridge: report.routes.values().next().copied().unwrap_or_default(),
        unsettled: report.unsettled,
        figures,
        took,
        limit,
    }))
}
