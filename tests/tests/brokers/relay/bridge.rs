//! A bridge within the test's process.

use std::sync::Arc;

use anyhow::{Context, Result};
use m2m_bridge::{Bridge, BridgeError, Config, MemoryBuses, Report};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::place::{LIMIT, Place};

/// The buses of these places, and these routes.
pub(super) fn config(places: &[&Place], routes: &str) -> String {
    let mut text = String::from("name = 'test'\nshutdown_timeout = '20s'\n");
    let mut known: Vec<(&str, &str)> = Vec::new();
    for place in places {
        if !known.contains(&(place.bus(), &place.url)) {
            known.push((place.bus(), &place.url));
            text += &format!("[buses.{}]\nurl = '{}'\n", place.bus(), place.url);
            if place.bus() == "kafka" {
                // What is not there is missed after a second instead of half a minute, and a member that was killed after six.
                text += "properties = { 'topic.metadata.propagation.max.ms' = '1000', 'session.timeout.ms' = '6000' }\n";
            }
        }
    }
    text + routes
}

/// A route from one place to another.
pub(super) fn route(name: &str, from: &Place, to: &Place, more: &str) -> String {
    format!(
        "[[routes]]\nname = '{name}'\nfrom = {}\nto = [{{ {} }}]\n{more}\n",
        from.from(),
        to.to()
    )
}

pub(super) struct Running {
    pub(super) bridge: Arc<Bridge>,
    stop: CancellationToken,
    task: JoinHandle<Result<Report, BridgeError>>,
}

impl Running {
    pub(super) fn start(places: &[&Place], routes: &str) -> Result<Self> {
        Self::with(&config(places, routes), places)
    }

    /// With a configuration of the test's own.
    pub(super) fn with(text: &str, places: &[&Place]) -> Result<Self> {
        // With `RUST_LOG`, a failing test shows what the bridge said.
        let log = tracing_subscriber::fmt().with_test_writer();
        drop(log.with_env_filter(EnvFilter::from_default_env()).try_init());
        let config = Config::parse("test.toml", text).with_context(|| text.to_owned())?;
        let mut memory = MemoryBuses::default();
        for place in places {
            if let Some(bus) = &place.memory {
                memory = memory.with(place.url.trim_start_matches("memory://"), bus.clone());
            }
        }
        let bridge = Arc::new(Bridge::new(&config, &memory).with_context(|| text.to_owned())?);
        let stop = CancellationToken::new();
        let (running, stopped) = (Arc::clone(&bridge), stop.clone());
        let task = tokio::spawn(async move { running.run(stopped).await });
        Ok(Self { bridge, stop, task })
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(mut self) -> Result<Report, BridgeError> {
        (&mut self.task).await.expect("the bridge has panicked")
    }

    pub(super) async fn stop(mut self) -> Result<Report> {
        self.stop.cancel();
        let ended = timeout(LIMIT, &mut self.task).await.context("the bridge does not stop")?;
        Ok(ended??)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
