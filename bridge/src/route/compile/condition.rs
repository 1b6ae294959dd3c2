//! `when`: CEL that compiles, refers to facts that exist, and can hold.

use toml::Spanned;

use super::{Compiler, samples};
use crate::condition::{self, Condition};
use crate::config::nearest;
use crate::facts;

impl Compiler<'_> {
    pub(super) fn condition(&mut self, source: &Spanned<String>) -> Option<Condition> {
        let condition = match self.environment.compile(source.get_ref()) {
            Ok(condition) => condition,
            Err(error) => {
                let message = error.errors.first().map_or_else(String::new, |e| e.msg.clone());
                self.problem(source.span(), format!("`when` is not CEL: {message}"));
                return None;
            }
        };
        let unknown: Vec<String> = condition
            .variables()
            .filter(|name| !condition::is_known(name))
            .map(|name| unknown_variable("when", name))
            .collect();
        if unknown.is_empty() {
            if condition.tests_headers() {
                let message = "`has(headers.x)` always holds, as an absent header is ''; \
                    write `'x' in headers`";
                self.problem(source.span(), message.to_owned());
            }
            for sample in samples() {
                let tried = self.reader.read(&sample, true, |view, _| condition.rehearse(view));
                if let Err(error) = tried {
                    self.problem(source.span(), format!("`when` can never hold: {error}"));
                    return None;
                }
            }
        }
        unknown.into_iter().for_each(|message| self.problem(source.span(), message));
        Some(condition)
    }
}

pub(super) fn unknown_variable(key: &str, name: &str) -> String {
    let meant = nearest(name, facts::names());
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    format!("`{key}`: no message has a `{name}`{meant}")
}
