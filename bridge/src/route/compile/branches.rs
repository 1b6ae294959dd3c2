//! `to` and `otherwise`: every message has to go somewhere, and every destination has to be reached.

use std::ops::Range;

use super::{Branch, Compiler, Fallback, SinkSpec};
use crate::config::{self, Destination, Match, Otherwise};

impl Compiler<'_> {
    pub(super) fn reachability(&mut self, route: &config::Route) {
        let catch_all = route.to.iter().position(|to| to.get_ref().when.is_none());
        let last = route.to.len().saturating_sub(1);
        if route.matching == Match::First
            && let Some(at) = catch_all.filter(|at| *at < last)
            && let Some(next) = route.to.get(at + 1)
        {
            let message =
                "never reached: the destination before it has no `when` and takes everything";
            self.problem(next.span(), message.to_owned());
        }
    }

    pub(super) fn otherwise(
        &mut self,
        span: &Range<usize>,
        route: &config::Route,
        sinks: &mut Vec<SinkSpec>,
    ) -> Option<Fallback> {
        let always = route.to.iter().any(|to| to.get_ref().when.is_none());
        let Some(otherwise) = &route.otherwise else {
            if !always {
                // Nothing may vanish silently: the author has to choose.
                let message = "what becomes of a message that no condition accepts? \
                    Say `otherwise = \"drop\"`, \"dead-letter\", \"nack\" or a destination";
                self.problem(span.clone(), message.to_owned());
            }
            return Some(Fallback::Never);
        };
        if always {
            let message =
                "`otherwise` is never reached: a destination without `when` takes everything";
            self.problem(otherwise.span(), message.to_owned());
        }
        Some(match otherwise.get_ref() {
            Otherwise::Drop => Fallback::Drop,
            Otherwise::Nack => Fallback::Nack,
            Otherwise::DeadLetter => {
                if route.dead_letter.is_none() {
                    let message = "`otherwise = \"dead-letter\"` needs a `dead_letter` destination";
                    self.problem(otherwise.span(), message.to_owned());
                }
                Fallback::DeadLetter
            }
            Otherwise::To(destination) => {
                self.unconditional("otherwise", otherwise.span(), destination);
                Fallback::To(Box::new(self.target(otherwise.span(), destination, sinks)?))
            }
        })
    }

    pub(super) fn unconditional(
        &mut self,
        what: &str,
        span: Range<usize>,
        destination: &Destination,
    ) {
        if destination.when.is_some() {
            self.problem(span, format!("`{what}` takes no `when`"));
        }
    }

    pub(super) fn branch(
        &mut self,
        span: Range<usize>,
        destination: &Destination,
        sinks: &mut Vec<SinkSpec>,
    ) -> Option<Branch> {
        let target = self.target(span, destination, sinks);
        let when = destination.when.as_ref().map(|when| self.condition(when));
        Some(Branch {
            when: match when {
                Some(condition) => Some(condition?),
                None => None,
            },
            words: destination
                .when
                .as_ref()
                .map_or_else(String::new, |when| when.get_ref().clone()),
            target: target?,
        })
    }
}
