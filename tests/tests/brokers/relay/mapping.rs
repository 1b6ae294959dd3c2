//! The table of `docs/mapping.md`, row by row, by bare clients at both ends.

mod amqp;
mod kafka;
mod nats;
mod table;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use super::bridge::{Running, route};
use super::place::{Kind, Place};
use table::{Row, Table, Times};

/// The header that tells one message of a table from another.
const MESSAGE: &str = "message";

/// What a bare client sees of a message, or is to send: values by where they are, in the table's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Native(BTreeMap<String, Vec<Option<Bytes>>>);

impl Native {
    fn add(&mut self, place: impl Into<String>, value: Option<impl Into<Bytes>>) {
        self.0.entry(place.into()).or_default().push(value.map(Into::into));
    }

    /// The headers of one kind, with their values.
    fn headers<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Option<Bytes>)> {
        self.0
            .iter()
            .filter_map(move |(place, values)| Some((place.strip_prefix(prefix)?, values)))
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
    }

    /// The only value at a place.
    fn one(&self, place: &str) -> Option<&Option<Bytes>> {
        self.0.get(place)?.first()
    }

    fn text(&self, place: &str) -> Option<&str> {
        std::str::from_utf8(self.one(place)?.as_deref()?).ok()
    }

    /// Adds what is packed into `m2m-headers`.
    fn unpack(&mut self) {
        let packed = self.text("header m2m-headers").and_then(m2m_engine::bus::headers::unpack);
        for header in packed.unwrap_or_default() {
            self.add(format!("packed {}", header.name), header.value);
        }
    }
}

/// The messages that have all properties of a table's first column, as few as can be, and the rows that each is for.
fn messages<'t>(table: &'t Table, times: &Times) -> Vec<(Native, Vec<&'t Row>)> {
    let mut messages: Vec<(Native, Vec<&Row>)> = Vec::new();
    for row in &table.rows {
        // The time at which a stream stores a message is not ours to set.
        let values = if row.value == "stored" { Vec::new() } else { times.values(&row.value) };
        let free = messages.iter().position(|(native, _)| !native.0.contains_key(&row.place));
        let at = free.unwrap_or_else(|| {
            let mut native = Native::default();
            native.add(format!("header {MESSAGE}"), Some(messages.len().to_string()));
            messages.push((native, Vec::new()));
            messages.len() - 1
        });
        values.into_iter().for_each(|value| messages[at].0.add(&row.place, value));
        messages[at].1.push(row);
    }
    messages
}

async fn publish(place: &Place, message: &Native) -> Result<()> {
    match place.kind {
        Kind::Kafka => kafka::publish(place, message).await,
        Kind::Stream | Kind::Core => nats::publish(place, message).await,
        Kind::Rabbit => amqp::publish(place, message).await,
        Kind::Memory => anyhow::bail!("the table is about brokers"),
    }
}

/// Collects `count` messages from a place, with bare clients.
async fn read(place: &Place, count: usize) -> Result<Vec<Native>> {
    let mut messages = match place.kind {
        Kind::Kafka => kafka::read(place, count).await?,
        Kind::Stream => nats::read(place, count).await?,
        Kind::Rabbit => amqp::read(place, count).await?,
        Kind::Core | Kind::Memory => anyhow::bail!("it keeps nothing to read"),
    };
    messages.iter_mut().for_each(Native::unpack);
    Ok(messages)
}

fn column(kind: Kind) -> &'static str {
    match kind {
        Kind::Kafka => "in Kafka",
        Kind::Stream => "in JetStream",
        Kind::Core => "in core NATS",
        Kind::Rabbit => "in AMQP",
        Kind::Memory => "in memory",
    }
}

/// Compares every row of every message with what has arrived at a broker of `column`, by way of one of `over`.
fn check(
    sent: &[(Native, Vec<&Row>)],
    arrived: &[Native],
    column: &str,
    over: Option<&str>,
    way: &str,
    times: &Times,
) -> Result<()> {
    ensure!(arrived.len() == sent.len(), "{way}: {} of {} arrived", arrived.len(), sent.len());
    for (message, rows) in sent {
        let number = message.text(&format!("header {MESSAGE}")).context("no number")?;
        let found =
            arrived.iter().find(|native| native.text(&format!("header {MESSAGE}")) == Some(number));
        let found = found.with_context(|| format!("{way}: message {number} is missing"))?;
        for row in rows {
            // What was renamed on the way keeps that name.
            let renamed = |cell: &&table::Cell| cell.iter().any(|(at, _)| at.contains("m2m-src-"));
            let own = row.cells.get(column);
            let cell = match over.and_then(|over| row.cells.get(over)).filter(renamed) {
                Some(over) if own.filter(renamed).is_none() => Some(over),
                _ => own,
            };
            for (place, value) in cell.with_context(|| format!("no column {column:?}"))? {
                let expected = times.values(value.as_ref().unwrap_or(&row.value));
                let there = found.0.get(place);
                ensure!(
                    there == Some(&expected),
                    "{way}: {} = {}: expected {expected:?} in {place:?}, found {there:?} in\n{found:#?}",
                    row.place,
                    row.value
                );
            }
        }
    }
    Ok(())
}

/// From a broker to all others and its own kind at once, and from each of these back.
async fn prove(name: &str, kind: Kind) -> Result<()> {
    let tables = table::read()?;
    let table = tables.get(name).with_context(|| format!("no table {name:?}"))?;
    let from = Place::new(kind).await?;
    let mut targets = Vec::new();
    let mut overs = Vec::new();
    for target in [Kind::Kafka, Kind::Stream, Kind::Core, Kind::Rabbit] {
        let target = if target == kind { from.beside().await? } else { Place::new(target).await? };
        // Core NATS keeps nothing to read at the other end.
        if target.kind != Kind::Core && target.kind != kind && kind != Kind::Core {
            overs.push((target.beside().await?, from.beside().await?));
        }
        targets.push(target);
    }
    let when = "when = \"!subject.endsWith('.probe')\"";
    let to: Vec<String> = targets
        .iter()
        .chain(overs.iter().map(|(over, _)| over))
        .map(|target| format!("{{ {when}, {} }}", target.to()))
        .collect();
    let mut routes = format!(
        "[[routes]]\nname = 'there'\nmatch = 'all'\notherwise = 'drop'\nfrom = {}\nto = [{}]\n",
        from.from(),
        to.join(", ")
    );
    for (over, back) in &overs {
        routes += &route(&format!("back-from-{}", over.bus()), over, back, "");
    }
    let mut places = vec![&from];
    places.extend(&targets);

    let core = targets.iter().find(|target| target.kind == Kind::Core).context("core NATS")?;
    let mut listener = nats::listen(core).await?;
    let mut times = Times::now();
    let sent = messages(table, &times);
    let running = Running::start(&places, &routes)?;
    if kind == Kind::Core {
        nats::wait_for_subscriber(&from).await?;
    }
    for (message, _) in &sent {
        publish(&from, message).await?;
    }
    if kind == Kind::Stream {
        times.stored = nats::stored(&from).await?;
    }
    for target in &targets {
        let way = format!("{name} {}", column(target.kind));
        let arrived = match target.kind {
            Kind::Core => nats::heard(&mut listener, sent.len()).await,
            _ => read(target, sent.len()).await,
        };
        check(
            &sent,
            &arrived.with_context(|| way.clone())?,
            column(target.kind),
            None,
            &way,
            &times,
        )?;
    }
    for (over, back) in &overs {
        let way = format!("{name} over {:?} and back", over.kind);
        let arrived = read(back, sent.len()).await.with_context(|| way.clone())?;
        check(&sent, &arrived, column(kind), Some(column(over.kind)), &way, &times)?;
    }
    let report = running.stop().await?;
    ensure!(report.routes.values().all(|counted| counted.failed == 0), "{report:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_kafka() -> Result<()> {
    prove("From Kafka", Kind::Kafka).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_jetstream() -> Result<()> {
    prove("From JetStream", Kind::Stream).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_core_nats() -> Result<()> {
    prove("From core NATS", Kind::Core).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_amqp() -> Result<()> {
    prove("From AMQP", Kind::Rabbit).await
}

/// No table goes unproved.
#[test]
fn every_table_has_a_test() -> Result<()> {
    let tables = table::read()?;
    let names: Vec<&str> = tables.keys().map(String::as_str).collect();
    assert_eq!(names, ["From AMQP", "From JetStream", "From Kafka", "From core NATS"]);
    assert!(tables.values().all(|table| table.rows.len() >= 4));
    Ok(())
}
