//! A route, compiled: what becomes of each message.

mod compile;
mod explain;
mod kinds;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use m2m_engine::bus::{Address, Envelope};

pub use compile::compile;
pub use explain::explain;
pub use kinds::{SinkSpec, SourceSpec};

use crate::condition::Condition;
use crate::config::{BusKind, Match, Retry};
use crate::counters::Counters;
use crate::facts::{Reader, View};
use crate::names;
use crate::reason::Reason;
use crate::template::Template;

/// One route, compiled.
pub struct Route {
    /// Its name.
    pub name: String,
    /// What it adds to the loop guard's header: the bridge's name, a slash, its own.
    pub(crate) hop: String,
    pub(crate) source: SourceSpec,
    pub(crate) sinks: Vec<SinkSpec>,
    matching: Match,
    branches: Vec<Branch>,
    otherwise: Fallback,
    dead_letter: Option<Target>,
    /// Whether a condition or template refers to a fact that stands in the header.
    deep: bool,
    pub(crate) lanes: usize,
    pub(crate) in_flight: usize,
    pub(crate) in_flight_bytes: usize,
    pub(crate) retry: Retry,
    pub(crate) loop_limit: usize,
    pub(crate) redrive: bool,
}

/// A condition and where it leads.
struct Branch {
    when: Option<Condition>,
    /// As it is written in the file.
    words: String,
    target: Target,
}

/// Where a message goes.
struct Target {
    /// Index into [`Route::sinks`].
    sink: usize,
    kind: BusKind,
    name: Template,
    exchange: Option<Template>,
    key: Option<Template>,
}

enum Fallback {
    /// One branch takes everything.
    Never,
    Drop,
    DeadLetter,
    Nack,
    To(Box<Target>),
}

/// One copy of a message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Index into [`Route::sinks`].
    pub(crate) sink: usize,
    pub(crate) address: Address,
    /// `Some` replaces the source's key.
    pub(crate) key: Option<Option<Bytes>>,
}

/// What is to become of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) to: Vec<Outgoing>,
    pub(crate) rest: Rest,
}

/// What is to become of it beside the copies that are sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It is done when all copies are confirmed.
    #[default]
    Nothing,
    /// It cannot be delivered.
    DeadLetter(Reason),
    /// It is handed back to the source.
    Nack,
}

impl Route {
    /// Decides what becomes of a message.
    pub(crate) fn plan(&self, reader: &Reader, envelope: &Envelope, counters: &Counters) -> Plan {
        reader.read(envelope, self.deep, |view, damaged| {
            if damaged {
                counters.condition_errors.add(1);
            }
            self.plan_for(view, counters)
        })
    }

    fn plan_for(&self, view: &View<'_>, counters: &Counters) -> Plan {
        let mut plan = Plan::default();
        let mut matched = false;
        for branch in &self.branches {
            let holds = branch.when.as_ref().is_none_or(|when| {
                when.holds(view).unwrap_or_else(|_| {
                    counters.condition_errors.add(1);
                    false
                })
            });
            if !holds {
                continue;
            }
            matched = true;
            plan.add(&branch.target, view);
            if self.matching == Match::First {
                break;
            }
        }
        if !matched {
            counters.unmatched.add(1);
            match &self.otherwise {
                Fallback::Never | Fallback::Drop => {}
                Fallback::DeadLetter => plan.rest = Rest::DeadLetter(Reason::Unmatched),
                Fallback::Nack => plan.rest = Rest::Nack,
                Fallback::To(target) => plan.add(target, view),
            }
        }
        plan
    }

    /// Where its dead letters go; `None` when they are handed back to the source instead.
    pub(crate) fn dead_letter(&self, reader: &Reader, envelope: &Envelope) -> Option<Outgoing> {
        let target = self.dead_letter.as_ref()?;
        reader.read(envelope, self.deep, |view, _| target.outgoing(view)).ok()
    }
}

impl Plan {
    fn add(&mut self, target: &Target, view: &View<'_>) {
        match target.outgoing(view) {
            Ok(outgoing) => self.to.push(outgoing),
            Err(reason) => self.rest = Rest::DeadLetter(reason),
        }
    }
}

impl Target {
    fn outgoing(&self, view: &View<'_>) -> Result<Outgoing, Reason> {
        let render = |template: &Template| template.render(view).map_err(|_| Reason::Template);
        let name = render(&self.name)?;
        let exchange = self.exchange.as_ref().map(render).transpose()?.unwrap_or_default();
        // A fixed name was checked with the configuration, where a routing key may be empty.
        if self.name.fixed().is_none() {
            names::check(self.kind, &name)?;
        }
        if !exchange.is_empty() {
            names::check(self.kind, &exchange)?;
        }
        let key = self.key.as_ref().map(render).transpose()?;
        Ok(Outgoing {
            sink: self.sink,
            address: Address { name, exchange },
            key: key.map(|key| (!key.is_empty()).then(|| Bytes::from(key))),
        })
    }
}
