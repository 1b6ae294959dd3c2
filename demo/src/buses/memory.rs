//! Everything within this process: a bus for the agents, and one for each destination.

use std::sync::Arc;

use m2m_bridge::{Bridge, Config, MemoryBuses};
use m2m_engine::Engine;
use m2m_memory::{Bus, BusConfig, Client};

use super::{Buses, Inlet, Outlet, Tap};
use crate::routing::{self, DESTINATIONS};

const ROUTES: &str = include_str!("../../routes/memory.toml");
const SUBJECTS: &str = "agents.>";

pub(crate) fn open(engine: &Arc<Engine>) -> anyhow::Result<Buses> {
    let bus = |name: &str| Bus::new(BusConfig { name: name.to_owned(), ..BusConfig::default() });
    let agents = bus("agents");
    // The bridge's group, so that what is published before it runs is kept for it.
    agents.declare(SUBJECTS, "bridge")?;
    let dead = bus("dead");
    dead.declare("dead", "nobody")?;
    let tap = Tap::Memory(agents.source(SUBJECTS, "tap")?);
    let outlet = Outlet::Memory(Client::new(agents.clone(), Arc::clone(engine)));
    let mut buses = MemoryBuses::default().with("agents", agents).with("dead", dead);
    let mut inlets = Vec::new();
    for name in DESTINATIONS {
        let bus = bus(name);
        let client = Client::new(bus.clone(), Arc::clone(engine));
        inlets.push(Inlet::Memory(client.queue_subscribe(">", "consumer")?));
        buses = buses.with(name, bus);
    }
    let config = Config::parse("routes/memory.toml", ROUTES)?;
    Ok(Buses {
        words: "in-process buses",
        bridge: Arc::new(Bridge::new(&config, &buses)?),
        destinations: routing::destinations(&config),
        outlet,
        prefix: "agents".to_owned(),
        inlets,
        tap,
        amqp: None,
    })
}
