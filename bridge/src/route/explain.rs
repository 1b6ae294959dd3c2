//! A route in words, for `m2m-bridge check`.

use std::fmt::{self, Display, Formatter};

use super::{Fallback, Route, SourceSpec, Target};
use crate::config::{BusKind, Config, Match, Start};
use crate::facts::PLAIN_LIMIT;

/// The configuration in words, route by route: from where, in which order, under which conditions, with what guarantees.
pub fn explain<'a>(config: &'a Config, routes: &'a [Route]) -> impl Display + 'a {
    Explained { config, routes }
}

struct Explained<'a> {
    config: &'a Config,
    routes: &'a [Route],
}

impl Display for Explained<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "bridge {}", self.config.name.get_ref())?;
        for (name, bus) in &self.config.buses {
            let url = &bus.get_ref().url;
            writeln!(f, "  bus {name}: {} at {url}", url.kind())?;
        }
        for route in self.routes {
            writeln!(f, "\nroute {}", route.name)?;
            route.write(f)?;
        }
        Ok(())
    }
}

impl Route {
    fn write(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  from {}", self.source)?;
        let (one, last) = (self.branches.len() == 1, self.branches.len());
        if !one {
            let which = match self.matching {
                Match::First => "the first of these whose condition holds",
                Match::All => "each of these whose condition holds",
            };
            writeln!(f, "  to {which}:")?;
        }
        for (number, branch) in (1..=last).zip(&self.branches) {
            let number = if one { "  to ".to_owned() } else { format!("    {number}. ") };
            match branch.when {
                Some(_) => {
                    writeln!(f, "{number}{}, when {}", self.to(&branch.target), branch.words)?
                }
                None => writeln!(f, "{number}{}", self.to(&branch.target))?,
            }
        }
        match &self.otherwise {
            Fallback::Never => {}
            Fallback::Drop => {
                writeln!(f, "  otherwise acknowledged, counted as unmatched, and gone")?
            }
            Fallback::DeadLetter => writeln!(f, "  otherwise to the dead letters")?,
            Fallback::Nack => {
                writeln!(f, "  otherwise handed back to {}, again and again", self.source.bus())?
            }
            Fallback::To(target) => writeln!(f, "  otherwise to {}", self.to(target))?,
        }
        match &self.dead_letter {
            Some(target) => writeln!(f, "  dead letters to {}", self.to(target))?,
            None if self.redelivers() => writeln!(
                f,
                "  no dead_letter: what can never be delivered is handed back to {}, again and again",
                self.source.bus()
            )?,
            None => writeln!(f, "  no dead_letter: what can never be delivered is lost")?,
        }
        if self.deep {
            writeln!(
                f,
                "  reads the headers of frames, and plain JSON of up to {} KiB for the same facts",
                PLAIN_LIMIT >> 10
            )?;
        }
        if self.redrive {
            writeln!(f, "  drives dead letters again: the hops behind them are forgotten")?;
        }
        self.write_guarantees(f)
    }

    fn write_guarantees(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  order is kept per Kafka key, else per {}, in {} lanes; at most {} messages or {} MiB are in flight",
            self.source.order_word(),
            self.lanes,
            self.in_flight,
            self.in_flight_bytes >> 20
        )?;
        let attempts = match self.retry.max_attempts {
            0 => "for ever".to_owned(),
            times => format!("{times} times"),
        };
        writeln!(
            f,
            "  a refused send is tried {attempts}, one without a connection for ever; a message may have {} hops behind it",
            self.loop_limit
        )?;
        let blind: Vec<&str> =
            self.sinks.iter().filter(|s| s.core).map(|s| s.bus.as_str()).collect();
        if self.redelivers() && blind.is_empty() {
            return writeln!(
                f,
                "  at least once: acknowledged to {} after every destination's broker has confirmed; duplicates can follow a failure",
                self.source.bus()
            );
        }
        if !self.redelivers() {
            writeln!(
                f,
                "  WARNING: core NATS cannot redeliver: what {} sends while the bridge is away or falls behind is lost",
                self.source.bus()
            )?;
        }
        if !blind.is_empty() {
            writeln!(
                f,
                "  WARNING: core NATS cannot confirm: what goes to {} is acknowledged once sent, and can be lost",
                blind.join(", ")
            )?;
        }
        Ok(())
    }

    fn redelivers(&self) -> bool {
        !matches!(self.source, SourceSpec::NatsCore { .. })
    }

    fn to<'a>(&'a self, target: &'a Target) -> impl Display + 'a {
        Destined(self, target)
    }
}

struct Destined<'a>(&'a Route, &'a Target);

impl Display for Destined<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(route, target) = self;
        let sink = route.sinks.get(target.sink);
        let (bus, core) = sink.map_or(("", false), |sink| (sink.bus.as_str(), sink.core));
        let name = target.name.source();
        match (target.kind, &target.exchange) {
            (BusKind::Amqp, Some(exchange)) => {
                write!(f, "exchange {} with routing key '{name}'", exchange.source())?;
            }
            (BusKind::Amqp, None) => write!(f, "queue {name}")?,
            (BusKind::Kafka, _) => write!(f, "topic {name}")?,
            (BusKind::Nats, _) if core => write!(f, "core subject {name}")?,
            (BusKind::Nats, _) => write!(f, "JetStream subject {name}")?,
            (BusKind::Memory, _) => write!(f, "subject {name}")?,
        }
        write!(f, " on {bus}")?;
        match &target.key {
            Some(key) => write!(f, ", keyed by {}", key.source()),
            None => Ok(()),
        }
    }
}

impl SourceSpec {
    fn order_word(&self) -> &'static str {
        match self {
            Self::Memory { .. } | Self::NatsCore { .. } | Self::NatsStream { .. } => "subject",
            Self::Kafka { .. } => "topic",
            Self::Amqp { .. } => "routing key",
        }
    }
}

impl Display for SourceSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let new = |start: &Start| match start {
            Start::Earliest => "a new one begins at the earliest message",
            Start::Latest => "a new one begins at what comes next",
        };
        match self {
            Self::Memory { bus, subject, queue_group } => {
                write!(f, "subject {subject} on {bus}, as one of queue group {queue_group}")
            }
            Self::NatsCore { bus, subject, queue_group } => {
                write!(f, "core subject {subject} on {bus}")?;
                match queue_group {
                    Some(group) => write!(f, ", as one of queue group {group}"),
                    None => Ok(()),
                }
            }
            Self::NatsStream { bus, stream, durable, subjects, start } => {
                write!(f, "JetStream stream {stream} on {bus}")?;
                if !subjects.is_empty() {
                    write!(f, ", subjects {}", subjects.join(" and "))?;
                }
                write!(f, ", by durable consumer {durable}; {}", new(start))
            }
            Self::Kafka { bus, topics, group, start } => {
                let topics = topics.join(" and ");
                write!(f, "Kafka topics {topics} on {bus}, in group {group}; {}", new(start))
            }
            Self::Amqp { bus, queue } => write!(f, "AMQP queue {queue} on {bus}"),
        }
    }
}
