#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test may panic")]

mod attacks;
mod handshake;
mod product;
mod timers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::*;
use crate::config::Config;
use crate::secure::KeyMaterial;
use crate::session::settings::Protection;

fn moment() -> Moment {
    Moment { instant: Instant::now(), unix_ms: 1_795_380_152_429 }
}

fn after(moment: Moment, seconds: u64) -> Moment {
    Moment {
        instant: moment.instant + Duration::from_secs(seconds),
        unix_ms: moment.unix_ms + 1_000 * seconds,
    }
}

fn seed() -> Seed {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Seed::new(KeyMaterial::from([next; 32]), [next; 16])
}

fn organisation() -> Protection {
    Protection::Authenticated(KeyMaterial::from([7; 32]))
}

fn settings(id: &str, protection: Protection) -> Settings {
    Settings::new(id).with_protection(protection)
}

fn machine_of(settings: Settings, now: Moment) -> Machine {
    let engine = Engine::new(Config::default()).unwrap();
    Machine::new(Arc::new(settings), Arc::new(engine), now)
}

fn machine(id: &str, protection: Protection, now: Moment) -> Machine {
    machine_of(settings(id, protection), now)
}

fn answer(received: Received) -> Vec<u8> {
    match received {
        Received::Answer(answer) => answer,
        other => unreachable!("no answer but {other:?}"),
    }
}

/// Two agents that have shaken hands, and the messages that did it.
struct Pair {
    a: Machine,
    b: Machine,
    hello: Vec<u8>,
    accept: Vec<u8>,
    now: Moment,
}

fn pair(protection: &Protection) -> Pair {
    let now = moment();
    let mut a = machine("a", protection.clone(), now);
    let mut b = machine("b", protection.clone(), now);
    let hello = a.connect(&seed(), now).unwrap();
    let accept = answer(b.receive(&hello, &seed(), now).unwrap());
    assert_eq!(a.receive(&accept, &seed(), now).unwrap(), Received::Noted);
    assert_eq!((a.state(), b.state()), (State::Established, State::Established));
    Pair { a, b, hello, accept, now }
}

const PAYLOADS: [&[u8]; 5] = [
    b"",
    b"Hello",
    br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello over a session"}]}"#,
    b"#M2M|1|not a frame",
    b"\xff\x00 bytes",
];
