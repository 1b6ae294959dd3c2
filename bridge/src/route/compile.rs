//! From the file's words to routes, or to all that is wrong with them.

mod branches;
mod buses;
mod condition;
mod source;
mod target;

use std::ops::Range;

use m2m_engine::bus::Envelope;
use toml::Spanned;

use super::{Branch, Fallback, Route, SinkSpec, SourceSpec, Target};
use crate::condition::{Condition, Environment};
use crate::config::{self, Config, ConfigError, Problem};
use crate::facts::{self, Reader};
use crate::template::Template;

/// Checks a configuration and compiles its routes.
///
/// # Errors
/// [`ConfigError::Invalid`] with every problem of the file, in its order.
pub fn compile(config: &Config) -> Result<Vec<Route>, ConfigError> {
    let mut compiler = Compiler::new(config)?;
    compiler.buses();
    let mut routes: Vec<Route> = Vec::new();
    for route in &config.routes {
        let compiled = compiler.route(route);
        let name = &route.get_ref().name;
        if routes.iter().any(|route| route.name == *name.get_ref()) {
            compiler.problem(name.span(), format!("there is a route `{}` already", name.get_ref()));
        }
        routes.extend(compiled);
    }
    if config.routes.is_empty() {
        compiler.problem(0..0, "no [[routes]]: there is nothing to do".to_owned());
    }
    compiler.finish(routes)
}

struct Compiler<'a> {
    config: &'a Config,
    environment: Environment,
    reader: Reader,
    problems: Vec<(usize, Problem)>,
}

/// Messages that conditions and templates are tried on: one without facts, one with many.
fn samples() -> [Envelope; 2] {
    let request =
        br#"{"model":"gpt-4o","max_tokens":1,"messages":[{"role":"user","content":"?"}]}"#;
    let full = Envelope { payload: Some(request.as_slice().into()), ..Envelope::default() };
    [Envelope::default(), full]
}

impl<'a> Compiler<'a> {
    fn new(config: &'a Config) -> Result<Self, ConfigError> {
        let internal = |message: String| ConfigError::Value {
            place: config.origin.place(0),
            key: String::new(),
            message,
        };
        Ok(Self {
            config,
            environment: Environment::new().map_err(|error| internal(error.to_string()))?,
            reader: Reader::new().map_err(|error| internal(error.to_string()))?,
            problems: Vec::new(),
        })
    }

    fn finish(mut self, routes: Vec<Route>) -> Result<Vec<Route>, ConfigError> {
        if self.problems.is_empty() {
            return Ok(routes);
        }
        self.problems.sort_by_key(|(at, _)| *at);
        let problems = self.problems.into_iter().map(|(_, problem)| problem).collect();
        Err(ConfigError::Invalid { problems })
    }

    fn problem(&mut self, span: Range<usize>, message: String) {
        let place = self.config.origin.place(span.start);
        self.problems.push((span.start, Problem { place, message }));
    }

    /// Refuses the keys, of those that are set, that do not go with the kind of bus.
    fn only(
        &mut self,
        span: &Range<usize>,
        what: &str,
        allowed: &[&str],
        set: impl IntoIterator<Item = (&'static str, bool)>,
    ) {
        for (key, _) in set.into_iter().filter(|(key, set)| *set && !allowed.contains(key)) {
            let message =
                format!("`{key}` does not go with {what}; it takes {}", allowed.join(", "));
            self.problem(span.clone(), message);
        }
    }

    fn route(&mut self, route: &Spanned<config::Route>) -> Option<Route> {
        let (span, route) = (route.span(), route.get_ref());
        for name in [&self.config.name, &route.name] {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if name.get_ref().is_empty() || !name.get_ref().chars().all(plain) {
                // They are joined by slashes and commas in the loop guard's header.
                let message = "names of bridges and routes have letters, digits, `.`, `_` and `-`";
                self.problem(name.span(), message.to_owned());
            }
        }
        for (name, value, max) in [
            ("lanes", &route.lanes, 1024),
            ("in_flight", &route.in_flight, 1 << 20),
            ("in_flight_bytes", &route.in_flight_bytes, 1 << 31),
        ] {
            if !(1..=max).contains(value.get_ref()) {
                self.problem(value.span(), format!("`{name}` must be from 1 to {max}"));
            }
        }
        if route.retry.min_backoff > route.retry.max_backoff || route.retry.min_backoff.is_zero() {
            let message = "`retry.min_backoff` must be over 0 and not over `retry.max_backoff`";
            self.problem(span.clone(), message.to_owned());
        }
        let mut sinks = Vec::new();
        let source = self.source(&route.from);
        let branches: Vec<_> = route
            .to
            .iter()
            .map(|destination| self.branch(destination.span(), destination.get_ref(), &mut sinks))
            .collect();
        if branches.is_empty() {
            self.problem(span.clone(), "`to` is empty".to_owned());
        }
        self.reachability(route);
        let dead_letter = route.dead_letter.as_ref().map(|destination| {
            self.unconditional("dead_letter", destination.span(), destination.get_ref());
            self.target(destination.span(), destination.get_ref(), &mut sinks)
        });
        let otherwise = self.otherwise(&span, route, &mut sinks);
        let mut compiled = Route {
            name: route.name.get_ref().clone(),
            hop: format!("{}/{}", self.config.name.get_ref(), route.name.get_ref()),
            source: source?,
            sinks,
            matching: route.matching,
            branches: branches.into_iter().collect::<Option<_>>()?,
            otherwise: otherwise?,
            dead_letter: match dead_letter {
                Some(target) => Some(target?),
                None => None,
            },
            deep: false,
            lanes: *route.lanes.get_ref(),
            in_flight: *route.in_flight.get_ref(),
            in_flight_bytes: *route.in_flight_bytes.get_ref(),
            retry: route.retry.clone(),
            loop_limit: route.loop_limit,
            redrive: route.redrive,
        };
        let deep = compiled.variables().any(facts::needs_header);
        compiled.deep = deep;
        Some(compiled)
    }
}

impl Route {
    fn targets(&self) -> impl Iterator<Item = &Target> {
        let otherwise = match &self.otherwise {
            Fallback::To(target) => Some(&**target),
            Fallback::Never | Fallback::Drop | Fallback::DeadLetter | Fallback::Nack => None,
        };
        self.branches.iter().map(|branch| &branch.target).chain(otherwise).chain(&self.dead_letter)
    }

    fn variables(&self) -> impl Iterator<Item = &str> {
        let conditions = self.branches.iter().filter_map(|branch| branch.when.as_ref());
        let templates = self.targets().flat_map(|target| {
            [Some(&target.name), target.exchange.as_ref(), target.key.as_ref()]
                .into_iter()
                .flatten()
        });
        conditions.flat_map(Condition::variables).chain(templates.flat_map(Template::variables))
    }
}
