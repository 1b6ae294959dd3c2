#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::time::Duration;

use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Delivery, Envelope, Receipt, Source};
use m2m_memory::link::MemorySource;
use m2m_memory::{Bus, BusConfig};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Bridge, BridgeError, Config, MemoryBuses, Report};

const WAIT: Duration = Duration::from_secs(20);

/// A bridge on one memory bus, at work.
struct Running {
    bus: Bus,
    bridge: Arc<Bridge>,
    stop: CancellationToken,
    task: JoinHandle<Result<Report, BridgeError>>,
}

impl Running {
    async fn stop(self) -> Report {
        self.stop.cancel();
        timeout(WAIT, self.task).await.unwrap().unwrap().unwrap()
    }
}

fn bus() -> Bus {
    let redelivery_delay = Duration::from_millis(5);
    Bus::new(BusConfig { redelivery_delay, capacity: 100_000, ..BusConfig::default() })
}

fn start(bus: &Bus, routes: &str) -> Running {
    start_with(bus, "shutdown_timeout = '10s'", routes)
}

fn start_with(bus: &Bus, top: &str, routes: &str) -> Running {
    let text = format!("name = 'test'\n{top}\n[buses.m]\nurl = 'memory://m'\n{routes}");
    let config = Config::parse("bridge.toml", &text).unwrap();
    let bridge = Bridge::new(&config, &MemoryBuses::default().with("m", bus.clone())).unwrap();
    let bridge = Arc::new(bridge);
    let stop = CancellationToken::new();
    let (running, stopped) = (Arc::clone(&bridge), stop.clone());
    let task = tokio::spawn(async move { running.run(stopped).await });
    Running { bus: bus.clone(), bridge, stop, task }
}

/// A route from `in` with these lines.
fn route(lines: &str) -> String {
    format!(
        "[[routes]]\nname = 'r'\nfrom = {{ bus = 'm', subject = 'in.>', queue_group = 'bridge' }}\n{lines}\n"
    )
}

fn message(subject: &str, payload: &str) -> Envelope {
    let address = Address { name: subject.to_owned(), exchange: String::new() };
    Envelope { address, payload: Some(payload.to_owned().into()), ..Envelope::default() }
}

async fn take(source: &mut MemorySource, count: usize) -> Vec<Envelope> {
    let mut taken = Vec::new();
    while taken.len() < count {
        for Delivery { envelope, receipt } in timeout(WAIT, source.recv()).await.unwrap().unwrap() {
            receipt.ack().await.unwrap();
            taken.push(envelope);
        }
    }
    taken
}

fn payload(envelope: &Envelope) -> &str {
    std::str::from_utf8(envelope.payload.as_deref().unwrap()).unwrap()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(WAIT, waited).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_as_they_were_and_in_order_within_a_key() {
    const COUNT: usize = 3_000;
    let bus = bus();
    bus.declare("in.>", "bridge").unwrap();
    let mut out = bus.source("out.>", "test").unwrap();
    for number in 0..COUNT {
        let mut envelope = message(&format!("in.{}", number % 7), &number.to_string());
        envelope.headers.push(Header::text("n", number.to_string()));
        if number % 3 == 0 {
            envelope.key = Some(format!("k{}", number % 5).into());
        }
        bus.publish(envelope).await.unwrap();
    }
    let to = "to = [{ bus = 'm', subject = \"out.{{ subject | replace('in.', '') }}\" }]\nin_flight = 64\nlanes = 3";
    let running = start(&bus, &route(to));
    let taken = take(&mut out, COUNT).await;
    let mut last = std::collections::HashMap::new();
    for envelope in &taken {
        let number: usize = payload(envelope).parse().unwrap();
        assert_eq!(envelope.address.name, format!("out.{}", number % 7));
        assert_eq!(envelope.header("n"), Some(number.to_string().as_str()));
        assert_eq!(envelope.header("m2m-route"), Some("test/r"));
        let key = match &envelope.key {
            Some(key) => String::from_utf8(key.to_vec()).unwrap(),
            None => envelope.address.name.clone(),
        };
        let before = last.insert(key.clone(), number);
        assert!(before.is_none_or(|before| before < number), "{key}: {before:?}, {number}");
    }
    until("all acknowledged", || bus.depth("in.>", "bridge") == Some(0)).await;
    let report = running.stop().await;
    let counted = report.routes["r"];
    let count = u64::try_from(COUNT).unwrap();
    assert_eq!(
        (counted.received, counted.sent, counted.confirmed, counted.acknowledged, report.unsettled),
        (count, count, count, count, 0)
    );
    assert_eq!(counted.bytes_in, counted.bytes_out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_destination_stops_the_reading_and_nothing_else() {
    let bus = Bus::new(BusConfig { capacity: 10, ..BusConfig::default() });
    let mut out = bus.source("out", "test").unwrap();
    let running = start(&bus, &route("to = [{ bus = 'm', subject = 'out' }]\nin_flight = 4"));
    let publisher = bus.clone();
    bus.declare("in.>", "bridge").unwrap();
    let publishing = tokio::spawn(async move {
        for number in 0..100 {
            publisher.publish(message("in.x", &number.to_string())).await.unwrap();
        }
    });
    // Ten in the destination, and one batch of the source in the bridge; the others wait outside.
    until("the destination is full", || bus.depth("out", "test") == Some(10)).await;
    assert!(!publishing.is_finished());
    let numbers: Vec<usize> = take(&mut out, 100)
        .await
        .iter()
        .map(|envelope| payload(envelope).parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    publishing.await.unwrap();
    assert_eq!(running.stop().await.unsettled, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_becomes_a_dead_letter_with_its_reason() {
    let bus = bus();
    let mut dead = bus.source("dead", "test").unwrap();
    bus.declare("in.>", "bridge").unwrap();
    // Nobody receives from `out`.
    let running = start(
        &bus,
        &route(
            "to = [{ bus = 'm', subject = 'out' }]\ndead_letter = { bus = 'm', subject = 'dead' }",
        ),
    );
    let mut envelope = message("in.x", "1");
    envelope.headers.push(Header::text("tenant", "acme"));
    bus.publish(envelope).await.unwrap();
    let letter = take(&mut dead, 1).await.remove(0);
    assert_eq!(payload(&letter), "1");
    assert!(
        letter.header("m2m-dead-letter-reason").unwrap().contains("no group receives"),
        "{letter:?}"
    );
    assert_eq!(letter.header("m2m-dead-letter-source"), Some("m/in.x"));
    assert_eq!(letter.header("m2m-dead-letter-route"), Some("test/r"));
    assert_eq!(letter.header("tenant"), Some("acme"));
    until("acknowledged", || bus.depth("in.>", "bridge") == Some(0)).await;
    let counted = running.stop().await.routes["r"];
    assert_eq!((counted.dead_lettered, counted.failed, counted.nacked), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_for_dead_letters_a_message_is_handed_back_until_it_goes_through() {
    let bus = bus();
    bus.declare("in.>", "bridge").unwrap();
    let running = start(&bus, &route("to = [{ bus = 'm', subject = 'out' }]"));
    bus.publish(message("in.x", "1")).await.unwrap();
    let bridge = Arc::clone(&running.bridge);
    until("handed back twice", || bridge.counters()["r"].nacked >= 2).await;
    let mut out = bus.source("out", "test").unwrap();
    assert_eq!(payload(&take(&mut out, 1).await[0]), "1");
    until("acknowledged", || bus.depth("in.>", "bridge") == Some(0)).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_matching_destinations_get_a_copy_and_the_rest_is_decided() {
    let bus = bus();
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(|name| bus.source(name, "test").unwrap());
    bus.declare("in.>", "bridge").unwrap();
    let to = "match = 'all'\nto = [{ when = 'size > 1', bus = 'm', subject = 'a', key = 'k-{{ size }}' }, { when = 'size > 2', bus = 'm', subject = 'b' }]\n\
        otherwise = { bus = 'm', subject = 'c' }";
    let running = start(&bus, &route(to));
    for payload in ["123", "12", "1"] {
        bus.publish(message("in.x", payload)).await.unwrap();
    }
    let got = take(&mut a, 2).await;
    assert_eq!(got.iter().map(payload).collect::<Vec<_>>(), ["123", "12"]);
    assert_eq!(got[1].key.as_deref(), Some(b"k-2".as_slice()));
    assert_eq!(payload(&take(&mut b, 1).await[0]), "123");
    assert_eq!(payload(&take(&mut c, 1).await[0]), "1");
    let counted = running.stop().await.routes["r"];
    assert_eq!((counted.received, counted.confirmed, counted.unmatched), (3, 4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_round_is_buried_and_driven_again_begins_anew() {
    let bus = bus();
    bus.declare("in.>", "bridge").unwrap();
    let mut dead = bus.source("dead", "test").unwrap();
    // Into its own source.
    let running = start(
        &bus,
        &route(
            "to = [{ bus = 'm', subject = 'in.again' }]\ndead_letter = { bus = 'm', subject = 'dead' }",
        ),
    );
    bus.publish(message("in.x", "1")).await.unwrap();
    let letter = take(&mut dead, 1).await.remove(0);
    let reason = letter.header("m2m-dead-letter-reason").unwrap();
    assert!(reason.contains("came round") && reason.contains("test/r"), "{reason}");
    assert_eq!(running.bridge.counters()["r"].received, 2);
    // By hand, headers and all: it goes round once more.
    let letter = Envelope { address: message("in.x", "").address, ..letter };
    bus.publish(letter).await.unwrap();
    let letter = take(&mut dead, 1).await.remove(0);
    assert!(letter.header("m2m-redriven-reason").is_some());
    assert_eq!(letter.header("m2m-route"), Some("test/r"));
    assert_eq!(running.stop().await.routes["r"].received, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_hops_are_a_loop_and_chained_routes_are_none() {
    let bus = bus();
    let chain: String = (0..4)
        .map(|hop| {
            bus.declare(&format!("c.{hop}"), "bridge").unwrap();
            format!(
                "[[routes]]\nname = 'c{hop}'\nfrom = {{ bus = 'm', subject = 'c.{hop}', queue_group = 'bridge' }}\n\
                 to = [{{ bus = 'm', subject = 'c.{}' }}]\nloop_limit = 3\ndead_letter = {{ bus = 'm', subject = 'dead' }}\n",
                hop + 1
            )
        })
        .collect();
    let mut dead = bus.source("dead", "test").unwrap();
    let mut end = bus.source("c.4", "test").unwrap();
    let running = start(&bus, &chain);
    bus.publish(message("c.0", "long")).await.unwrap();
    bus.publish(message("c.1", "short")).await.unwrap();
    let letter = take(&mut dead, 1).await.remove(0);
    assert_eq!(payload(&letter), "long");
    assert!(letter.header("m2m-dead-letter-reason").unwrap().contains("3 hops"));
    assert_eq!(letter.header("m2m-route"), Some("test/c0,test/c1,test/c2"));
    let arrived = take(&mut end, 1).await.remove(0);
    assert_eq!(arrived.header("m2m-route"), Some("test/c1,test/c2,test/c3"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_is_in_flight_and_leaves_the_rest() {
    let bus = Bus::new(BusConfig { capacity: 1000, ..BusConfig::default() });
    bus.declare("in.>", "bridge").unwrap();
    let mut out = bus.source("out", "test").unwrap();
    for number in 0..500 {
        bus.publish(message("in.x", &number.to_string())).await.unwrap();
    }
    let running = start(&bus, &route("to = [{ bus = 'm', subject = 'out' }]\nin_flight = 16"));
    let bridge = Arc::clone(&running.bridge);
    until("some went", || bridge.counters()["r"].confirmed > 20).await;
    let report = running.stop().await;
    let counted = report.routes["r"];
    assert_eq!(report.unsettled, 0);
    assert_eq!(counted.received, counted.acknowledged);
    let left = bus.depth("in.>", "bridge").unwrap();
    assert_eq!(u64::try_from(500 - left).unwrap(), counted.acknowledged);
    // Another bridge takes the rest: nothing is lost, nothing comes twice.
    let running = start(&bus, &route("to = [{ bus = 'm', subject = 'out' }]"));
    let numbers: Vec<usize> = take(&mut out, 500)
        .await
        .iter()
        .map(|envelope| payload(envelope).parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_hangs_does_not_hold_the_end_up_for_ever() {
    let bus = Bus::new(BusConfig { capacity: 2, ..BusConfig::default() });
    bus.declare("in.>", "bridge").unwrap();
    bus.declare("out", "nobody").unwrap();
    let text = route("to = [{ bus = 'm', subject = 'out' }]");
    let running = start_with(&bus, "shutdown_timeout = '100ms'", &text);
    let publisher = bus.clone();
    let publishing = tokio::spawn(async move {
        for number in 0..4 {
            publisher.publish(message("in.x", &number.to_string())).await.unwrap();
        }
    });
    publishing.await.unwrap();
    let bridge = Arc::clone(&running.bridge);
    until("two are stuck", || bridge.counters()["r"].received == 4).await;
    let Running { bus, stop, task, .. } = running;
    stop.cancel();
    let report = timeout(WAIT, task).await.unwrap().unwrap().unwrap();
    assert_eq!(report.unsettled, 2);
    assert_eq!(bus.depth("in.>", "bridge"), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_read_ends_the_bridge_with_an_error() {
    let bus = bus();
    let running = start(
        &bus,
        &(route("to = [{ bus = 'm', subject = 'out' }]")
            + "retry = { min_backoff = '1ms', max_backoff = '2ms' }"),
    );
    bus.close();
    let Running { task, .. } = running;
    let error = timeout(WAIT, task).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, BridgeError::Source { .. }), "{error:?}");
    assert!(error.to_string().contains("route r"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_larger_than_the_bound_goes_alone() {
    let bus = bus();
    bus.declare("in.>", "bridge").unwrap();
    let mut out = bus.source("out", "test").unwrap();
    let running =
        start(&bus, &route("to = [{ bus = 'm', subject = 'out' }]\nin_flight_bytes = 1000"));
    for len in [10, 5_000, 0, 1_000, 999] {
        bus.publish(message("in.x", &"x".repeat(len))).await.unwrap();
    }
    let lens: Vec<usize> =
        take(&mut out, 5).await.iter().map(|envelope| payload(envelope).len()).collect();
    assert_eq!(lens, [10, 5_000, 0, 1_000, 999]);
    running.stop().await;
}
