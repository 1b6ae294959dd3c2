//! `from`: one source, in its broker's words.

use toml::Spanned;

use super::{Compiler, SourceSpec};
use crate::config::{self, BusKind, Start};

impl Compiler<'_> {
    pub(super) fn source(&mut self, source: &Spanned<config::Source>) -> Option<SourceSpec> {
        let (span, source) = (source.span(), source.get_ref());
        let kind = self.bus(&source.bus)?;
        let stream = kind == BusKind::Nats && source.stream.is_some();
        let (what, allowed): (_, &[&str]) = match kind {
            BusKind::Memory => ("a memory source", &["subject", "queue_group"]),
            BusKind::Nats if stream => {
                ("a JetStream source", &["stream", "durable", "subject", "subjects", "start"])
            }
            BusKind::Nats => ("a core NATS source", &["subject", "queue_group"]),
            BusKind::Kafka => ("a Kafka source", &["topic", "topics", "pattern", "group", "start"]),
            BusKind::Amqp => ("an AMQP source", &["queue"]),
        };
        let set = [
            ("stream", source.stream.is_some()),
            ("durable", source.durable.is_some()),
            ("subject", source.subject.is_some()),
            ("subjects", !source.subjects.is_empty()),
            ("queue_group", source.queue_group.is_some()),
            ("topic", source.topic.is_some()),
            ("topics", !source.topics.is_empty()),
            ("pattern", source.pattern.is_some()),
            ("group", source.group.is_some()),
            ("queue", source.queue.is_some()),
            ("start", source.start.is_some()),
        ];
        self.only(&span, what, allowed, set);
        let bus = source.bus.get_ref().clone();
        let start = source.start.unwrap_or(Start::Earliest);
        let mut needs = |key: &str, value: &Option<String>| {
            if value.is_none() {
                self.problem(span.clone(), format!("{what} needs `{key}`"));
            }
            value.clone()
        };
        Some(match kind {
            BusKind::Memory => SourceSpec::Memory {
                bus,
                subject: needs("subject", &source.subject)?,
                queue_group: needs("queue_group", &source.queue_group)?,
            },
            BusKind::Nats if stream => SourceSpec::NatsStream {
                bus,
                stream: source.stream.clone()?,
                durable: needs("durable", &source.durable)?,
                subjects: source.subject.iter().chain(&source.subjects).cloned().collect(),
                start,
            },
            BusKind::Nats => SourceSpec::NatsCore {
                bus,
                subject: needs("subject` or `stream", &source.subject)?,
                queue_group: source.queue_group.clone(),
            },
            BusKind::Kafka => {
                let group = needs("group", &source.group)?;
                let pattern = source.pattern.as_ref().map(|pattern| {
                    // librdkafka takes a topic for a pattern when it begins so.
                    if pattern.starts_with('^') { pattern.clone() } else { format!("^{pattern}") }
                });
                let topics: Vec<String> =
                    source.topic.iter().chain(&source.topics).cloned().chain(pattern).collect();
                if topics.is_empty() {
                    needs("topic`, `topics` or `pattern", &None)?;
                }
                SourceSpec::Kafka { bus, topics, group, start }
            }
            BusKind::Amqp => SourceSpec::Amqp { bus, queue: needs("queue", &source.queue)? },
        })
    }
}
