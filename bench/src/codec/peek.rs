//! Reading a header.

use std::hint::black_box;

use m2m::codec::m2m::M2MFrame;
use m2m_engine::frame;

use super::Pair;
use super::compare::groups;
use crate::report::{Plot, Report, Table};
use crate::timing::interleave;

/// How often each header is read in a round, of which one takes less than a clock tells.
const REPEATS: usize = 50;

pub(super) fn run(report: &mut Report, pairs: &[Pair<'_>], rounds: usize) {
    let mut table = Table::new(
        "peek",
        "Reading the header only. The reference has no such thing: it must decode.",
        &["messages", "ours, ns", "ours, ns (quartiles)", "reference decodes, ns"],
    );
    let mut plot = Plot::new("codec-peek", "peek: nanoseconds (less is better)", Some(100.0));
    for (name, group) in groups(pairs.iter()) {
        let [ours, theirs] = interleave(
            rounds,
            [
                &mut || {
                    for pair in group.iter().flat_map(|pair| [pair; REPEATS]) {
                        black_box(frame::peek(black_box(&pair.ours)).unwrap());
                    }
                },
                &mut || {
                    for pair in &group {
                        black_box(M2MFrame::decode(black_box(&pair.ours)).unwrap());
                    }
                },
            ],
        );
        let each = |nanos: f64, repeats: usize| nanos / (group.len() * repeats) as f64;
        let (low, high) = (ours.quantile(0.25), ours.quantile(0.75));
        table.row([
            name.to_owned(),
            format!("{:.0}", each(ours.median(), REPEATS)),
            format!("{:.0}-{:.0}", each(low, REPEATS), each(high, REPEATS)),
            format!("{:.0}", each(theirs.median(), 1)),
        ]);
        plot.bar(name, each(ours.median(), REPEATS));
    }
    report.tables.push(table);
    report.plots.push(plot);
}
