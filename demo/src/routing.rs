//! Where every message has to arrive, told from the message before it was wrapped: what the bridge's choice is checked against.

#[cfg(test)]
mod tests;

use m2m_bridge::config::{Config, Destination, Otherwise};
use m2m_engine::facts::{FactReader, Facts};
use m2m_engine::frame::{Header, Schema};

use crate::figures::Arrived;

/// The destinations, in the order of the routes files.
pub(crate) const DESTINATIONS: [&str; 6] =
    ["approval", "openai", "anthropic", "google", "tools", "archive"];

/// Above this estimate, in US dollars, a request is to be approved first.
const DEAR: f64 = 0.01;

/// Tells where messages belong.
#[derive(Debug)]
pub(crate) struct Routing(FactReader);

impl Routing {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(FactReader::new(&m2m_engine::Config::default(), usize::MAX)?))
    }

    /// An index into [`DESTINATIONS`].
    pub(crate) fn destination(&self, payload: &[u8]) -> anyhow::Result<usize> {
        let name = self.0.read(payload, place)?;
        Ok(DESTINATIONS.iter().position(|known| *known == name).unwrap_or_default())
    }
}

fn place(facts: &Facts<'_>) -> &'static str {
    let Some(header) = &facts.header else { return "archive" };
    if header.est_cost_usd().is_some_and(|cost| f64::from(cost) > DEAR) {
        return "approval";
    }
    match header.provider() {
        "openai" => "openai",
        "anthropic" => "anthropic",
        "google" => "google",
        _ if header.schema == Schema::Request && Header::model(header).is_empty() => "tools",
        _ => "archive",
    }
}

/// The buses of the destinations, by the names that the routes give them.
pub(crate) fn targets(config: &Config) -> Vec<String> {
    destinations_of(config).map(|to| to.bus.get_ref().clone()).collect()
}

/// The destinations, with the conditions that the bridge was told.
pub(crate) fn destinations(config: &Config) -> Vec<Arrived> {
    let row = |(name, to): (&str, &Destination)| {
        let condition = to.when.as_ref().map_or("otherwise", |when| when.get_ref());
        Arrived { name: name.to_owned(), condition: condition.to_owned(), ..Arrived::default() }
    };
    DESTINATIONS.into_iter().zip(destinations_of(config)).map(row).collect()
}

/// In the order of the file, `otherwise` last.
fn destinations_of(config: &Config) -> impl Iterator<Item = &Destination> {
    config.routes.first().into_iter().flat_map(|route| {
        let route = route.get_ref();
        let otherwise = match route.otherwise.as_ref().map(|otherwise| otherwise.get_ref()) {
            Some(Otherwise::To(to)) => Some(&**to),
            _ => None,
        };
        route.to.iter().map(|to| to.get_ref()).chain(otherwise)
    })
}
