//! The end: what was sent, saved and routed where, and whether all of it was verified. Every number was counted on the way.

#[cfg(test)]
mod tests;

use std::time::Duration;

use m2m_bridge::Snapshot;

use crate::board::{bytes, saved};
use crate::figures::{Faults, Figures, Produced};

/// All that is known when it is over.
pub(crate) struct End {
    pub(crate) figures: Figures,
    /// Messages that came after a later one of their conversation.
    pub(crate) reordered: usize,
    pub(crate) bridge: Snapshot,
    /// Messages that the bridge had read and not settled when it ended.
    pub(crate) unsettled: usize,
    pub(crate) took: Duration,
    /// The producers' size limit, in bytes.
    pub(crate) limit: usize,
}

impl End {
    /// The numbers in words.
    pub(crate) fn summary(&self) -> String {
        let Self { figures, reordered, bridge, took, limit, .. } = self;
        let sum = |of: fn(&Produced) -> usize| figures.producers.iter().map(of).sum::<usize>();
        let (raw, wire, framed) = (sum(|p| p.raw), sum(|p| p.wire), sum(|p| p.framed));
        let (too_long, blocked) = (sum(|p| p.too_long), sum(|p| p.blocked));
        let flagged = sum(|p| p.flagged);
        let lines = [
            format!(
                "sent      {} messages in {:.1} s: {framed} as frames, the others as they were",
                figures.sent(),
                took.as_secs_f64()
            ),
            format!(
                "saved     {} of the payload: {} went as {}",
                saved(raw, wire),
                bytes(raw),
                bytes(wire)
            ),
            format!("flagged   {flagged} by the scanner, and sent with its verdict in m2m-threat"),
            format!(
                "blocked   {too_long} longer than {limit} bytes, {blocked} by the scanner's policy"
            ),
            format!(
                "bridge    read {} ({}), passed on {} ({}), {} confirmed",
                bridge.received,
                bytes(count(bridge.bytes_in)),
                bridge.sent,
                bytes(count(bridge.bytes_out)),
                bridge.confirmed
            ),
            format!(
                "verified  {} of {}: byte for byte, and at the destination where they belong",
                figures.verified(),
                figures.sent()
            ),
            format!(
                "order     {reordered} came after a later one of their conversation, {} came more than once",
                figures.again()
            ),
        ];
        lines.join("\n")
    }

    /// What is wrong, if anything is.
    pub(crate) fn faults(&self) -> Vec<String> {
        let Self { figures, reordered, bridge, unsettled, .. } = self;
        let Faults { altered, misrouted, unknown, unsent, first_error } = &figures.faults;
        let unverified = figures.sent().saturating_sub(figures.verified());
        let lost = figures.sent().saturating_sub(figures.arrived());
        let unweighed = figures.sent().saturating_sub(figures.seen());
        let unplanned = figures.planned.saturating_sub(figures.sent() + figures.refused() + unsent);
        let mut faults: Vec<String> = [
            (unplanned, "messages were not sent"),
            (unverified, "messages were not verified"),
            (lost, "messages did not arrive"),
            (*altered, "messages arrived with other bytes"),
            (*misrouted, "messages arrived at another destination"),
            (*reordered, "messages arrived after a later one of their conversation"),
            (*unknown, "messages arrived that nobody can account for"),
            (*unsent, "messages could not be sent"),
            (unweighed, "messages were not seen on the agents' bus"),
            (count(bridge.dead_lettered), "messages were dead-lettered"),
            (count(bridge.condition_errors), "conditions could not be evaluated"),
            (*unsettled, "messages were left unsettled by the bridge"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        faults.extend(
            first_error.iter().map(|error| format!("the first that could not be sent: {error}")),
        );
        let wire: usize = figures.producers.iter().map(|producer| producer.wire).sum();
        let once = bridge.retried == 0 && count(bridge.received) == figures.sent();
        if once && (count(bridge.bytes_in), count(bridge.bytes_out)) != (wire, wire) {
            faults.push("the bridge passed on other bytes than it read".to_owned());
        }
        faults
    }
}

/// The bridge's counters while it runs, in a line.
pub(crate) fn line(bridge: &Snapshot) -> String {
    format!(
        "bridge     read {}, passed on {}, confirmed {}, sent again {}, dead-lettered {}",
        bridge.received, bridge.sent, bridge.confirmed, bridge.retried, bridge.dead_lettered
    )
}

fn count(counter: u64) -> usize {
    usize::try_from(counter).unwrap_or(usize::MAX)
}
