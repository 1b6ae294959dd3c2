//! Destinations: names and keys as templates.

use std::ops::Range;

use toml::Spanned;

use super::condition::unknown_variable;
use super::{Compiler, SinkSpec, Target, samples};
use crate::config::{BusKind, Destination};
use crate::template::Template;
use crate::{facts, names};

impl Compiler<'_> {
    fn template(&mut self, key: &str, source: &Spanned<String>) -> Option<Template> {
        let template = match Template::compile(source.get_ref()) {
            Ok(template) => template,
            Err(error) => {
                self.problem(source.span(), format!("`{key}` is not a template: {error}"));
                return None;
            }
        };
        let unknown: Vec<String> = template
            .variables()
            .filter(|name| !facts::names().any(|known| known == *name))
            .map(|name| unknown_variable(key, name))
            .collect();
        if unknown.is_empty() {
            for sample in samples() {
                let tried = self.reader.read(&sample, true, |view, _| template.rehearse(view));
                if let Err(error) = tried {
                    self.problem(source.span(), format!("`{key}` can never be rendered: {error}"));
                    return None;
                }
            }
        }
        unknown.into_iter().for_each(|message| self.problem(source.span(), message));
        Some(template)
    }

    /// A template for a destination's name; one without placeholders is checked here and now.
    fn name(&mut self, kind: BusKind, key: &str, source: &Spanned<String>) -> Option<Template> {
        let template = self.template(key, source)?;
        if let Some(name) = template.fixed()
            // A fanout or headers exchange takes no routing key, the default exchange has no name.
            && !(name.is_empty() && kind == BusKind::Amqp)
            && let Err(error) = names::check(kind, name)
        {
            self.problem(source.span(), format!("`{key}`: {error}"));
        }
        Some(template)
    }

    pub(super) fn target(
        &mut self,
        span: Range<usize>,
        destination: &Destination,
        sinks: &mut Vec<SinkSpec>,
    ) -> Option<Target> {
        let kind = self.bus(&destination.bus)?;
        let allowed: &[&str] = match kind {
            BusKind::Memory => &["subject", "key"],
            BusKind::Nats => &["subject", "core", "key"],
            BusKind::Kafka => &["topic", "key"],
            BusKind::Amqp => &["exchange", "routing_key", "queue", "key"],
        };
        let set = [
            ("subject", destination.subject.is_some()),
            ("core", destination.core),
            ("topic", destination.topic.is_some()),
            ("exchange", destination.exchange.is_some()),
            ("routing_key", destination.routing_key.is_some()),
            ("queue", destination.queue.is_some()),
        ];
        self.only(&span, &format!("a {kind} destination"), allowed, set);
        let key = destination.key.as_ref().map(|key| self.template("key", key));
        let (name, exchange) = self.address(span, kind, destination)?;
        let sink = SinkSpec { bus: destination.bus.get_ref().clone(), core: destination.core };
        let at = sinks.iter().position(|known| *known == sink).unwrap_or_else(|| {
            sinks.push(sink);
            sinks.len() - 1
        });
        Some(Target {
            sink: at,
            kind,
            name,
            exchange,
            key: match key {
                Some(key) => Some(key?),
                None => None,
            },
        })
    }

    fn address(
        &mut self,
        span: Range<usize>,
        kind: BusKind,
        destination: &Destination,
    ) -> Option<(Template, Option<Template>)> {
        let (key, name) = match kind {
            BusKind::Memory | BusKind::Nats => ("subject", &destination.subject),
            BusKind::Kafka => ("topic", &destination.topic),
            BusKind::Amqp if destination.queue.is_some() => {
                if destination.exchange.is_some() || destination.routing_key.is_some() {
                    let message = "say either `queue`, or `exchange` and `routing_key`";
                    self.problem(span.clone(), message.to_owned());
                }
                ("queue", &destination.queue)
            }
            BusKind::Amqp => ("routing_key", &destination.routing_key),
        };
        let exchange = destination.exchange.as_ref().map(|e| self.name(kind, "exchange", e));
        let exchange = match exchange {
            Some(exchange) => Some(exchange?),
            None => None,
        };
        let Some(name) = name else {
            if kind == BusKind::Amqp && exchange.is_some() {
                return Some((Template::Fixed(String::new()), exchange));
            }
            self.problem(span, format!("a {kind} destination needs `{key}`"));
            return None;
        };
        Some((self.name(kind, key, name)?, exchange))
    }
}
