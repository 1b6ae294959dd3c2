//! The rows of the table: at most 79 columns, and no column moves while its numbers grow.

use crate::figures::{Arrived, Figures, Produced};

pub(super) fn producers_head() -> String {
    format!(
        "{:<15} {:<16} {:>5} {:>8} {:>8} {:>6} {:>7} {:>7}",
        "producer", "model", "sent", "payload", "wire", "saved", "flagged", "blocked"
    )
}

pub(super) fn producers(figures: &Figures) -> String {
    let row = |producer: &Produced| {
        format!(
            "{:<15.15} {:<16.16} {:>5} {:>8} {:>8} {:>6} {:>7} {:>7}",
            producer.name,
            producer.model,
            producer.sent,
            bytes(producer.raw),
            bytes(producer.wire),
            saved(producer.raw, producer.wire),
            producer.flagged,
            producer.blocked + producer.too_long,
        )
    };
    figures.producers.iter().map(row).collect::<Vec<_>>().join("\n")
}

pub(super) fn destinations_head() -> String {
    format!(
        "{:<10} {:<34} {:>7} {:>8} {:>6} {:>8}",
        "to", "when", "arrived", "verified", "again", "wire"
    )
}

pub(super) fn destinations(figures: &Figures) -> String {
    let row = |destination: &Arrived| {
        format!(
            "{:<10.10} {:<34.34} {:>7} {:>8} {:>6} {:>8}",
            destination.name,
            destination.condition,
            destination.arrived,
            destination.verified,
            destination.again,
            bytes(destination.wire),
        )
    };
    figures.destinations.iter().map(row).collect::<Vec<_>>().join("\n")
}

/// In kB or MB, of 1,000 and 1,000,000 bytes.
pub(crate) fn bytes(count: usize) -> String {
    let count = number(count);
    if count < 999_950.0 {
        format!("{:.1} kB", count / 1e3)
    } else {
        format!("{:.1} MB", count / 1e6)
    }
}

/// How much smaller than `raw` bytes `wire` bytes are.
pub(crate) fn saved(raw: usize, wire: usize) -> String {
    if raw == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", 100.0 * (1.0 - number(wire) / number(raw)))
}

fn number(count: usize) -> f64 {
    // Exact up to 4 GiB; what is longer shows as that.
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
