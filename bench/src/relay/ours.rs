//! Our bridge, in this process.

use m2m_bridge::{Bridge, Config, MemoryBuses};
use tokio_util::sync::CancellationToken;

use super::Brokers;
use super::place::Place;

/// Relays until `pace` says that all is there, then ends in an orderly way: with everything acknowledged.
pub(super) async fn relay(
    source: &Place,
    target: &Place,
    brokers: &Brokers,
    pace: impl Future<Output = anyhow::Result<f64>>,
) -> anyhow::Result<f64> {
    let text = format!(
        "name = 'bench'\n[buses.nats]\nurl = '{}'\n[buses.kafka]\nurl = '{}'\n[buses.rabbit]\nurl = '{}'\n[[routes]]\nname = 'r'\nfrom = {}\nto = [{}]\n",
        brokers.nats.url(),
        brokers.kafka.url(),
        brokers.rabbit.url(),
        source.from(),
        target.to(),
    );
    let config = Config::parse("bench.toml", &text)?;
    let bridge = Bridge::new(&config, &MemoryBuses::default())?;
    let stop = CancellationToken::new();
    let all_there = async {
        let speed = pace.await;
        stop.cancel();
        speed
    };
    let (report, speed) = tokio::join!(bridge.run(stop.clone()), all_there);
    let unsettled = report?.unsettled;
    anyhow::ensure!(unsettled == 0, "{unsettled} messages were not acknowledged");
    speed
}
