//! Reading a header.

use std::hint::black_box;

use m2m::codec::m2m::M2MFrame;
use m2m_engine::frame;

use super::Pair;
use crate::data::Kind;
use crate::report::Table;
use crate::timing::interleave;

/// How often each header is read in a round, of which one takes less than a clock tells.
const REPEATS: usize = 50;

pub(super) fn table(pairs: &[Pair<'_>], rounds: usize) -> Table {
    let mut table = Table::new(
        "peek",
        "Reading the header only. The reference has no such thing: it must decode.",
        &["messages", "ours, ns", "ours, ns (quartiles)", "reference decodes, ns"],
    );
    for kind in Kind::ALL {
        let of_kind: Vec<_> = pairs.iter().filter(|pair| pair.message.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        let [ours, theirs] = interleave(
            rounds,
            [
                &mut || {
                    for pair in of_kind.iter().flat_map(|pair| [pair; REPEATS]) {
                        black_box(frame::peek(black_box(&pair.ours)).unwrap());
                    }
                },
                &mut || {
                    for pair in &of_kind {
                        black_box(M2MFrame::decode(black_box(&pair.ours)).unwrap());
                    }
                },
            ],
        );
        let each = |nanos: f64, repeats: usize| nanos / (of_kind.len() * repeats) as f64;
        let (low, high) = (ours.quantile(0.25), ours.quantile(0.75));
        table.row([
            kind.name().to_owned(),
            format!("{:.0}", each(ours.median(), REPEATS)),
            format!("{:.0}-{:.0}", each(low, REPEATS), each(high, REPEATS)),
            format!("{:.0}", each(theirs.median(), 1)),
        ]);
    }
    table
}
