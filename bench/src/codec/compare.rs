//! One action of both sides, by kind and by size.

use std::hint::black_box;

use super::Pair;
use crate::data::{Kind, SIZES};
use crate::report::{Plot, Report, Table};
use crate::timing::interleave;

/// What both sides do to a message. Each gives the length of what came out.
pub(super) struct Action<'a> {
    pub(super) name: &'a str,
    pub(super) note: &'a str,
    pub(super) goal: Option<f64>,
    /// Only every so many messages are measured, where a side is slow.
    pub(super) step: usize,
    pub(super) ours: &'a dyn Fn(&Pair<'_>) -> usize,
    pub(super) theirs: &'a dyn Fn(&Pair<'_>) -> usize,
}

const COLUMNS: [&str; 9] = [
    "messages",
    "count",
    "raw bytes",
    "ours, % of raw",
    "reference, % of raw",
    "ours, MB/s",
    "reference, MB/s",
    "ours, µs/message",
    "times as fast (quartiles)",
];

pub(super) fn run(report: &mut Report, rounds: usize, pairs: &[Pair<'_>], action: &Action<'_>) {
    let pairs: Vec<_> = pairs.iter().step_by(action.step).collect();
    let mut table = Table::new(action.name, action.note, &COLUMNS);
    let title = format!("{}: times as fast as the reference", action.name);
    let mut plot = Plot::new(&format!("codec-{}", action.name), &title, action.goal);
    for (name, group) in groups(pairs.into_iter()) {
        measure(&mut table, &mut plot, rounds, name, group, action);
    }
    report.tables.push(table);
    report.plots.push(plot);
}

/// By kind, by size, and all; without those that are empty.
pub(super) fn groups<'a, 'b>(
    pairs: impl Iterator<Item = &'a Pair<'b>> + Clone,
) -> impl Iterator<Item = (&'static str, Vec<&'a Pair<'b>>)>
where
    'b: 'a,
{
    let by_kind = Kind::ALL.map(|kind| {
        (kind.name(), pairs.clone().filter(|pair| pair.message.kind == kind).collect::<Vec<_>>())
    });
    let by_size = SIZES.map(|(from, to, name)| {
        (name, pairs.clone().filter(|pair| (from..to).contains(&pair.json().len())).collect())
    });
    let all = ("all", pairs.collect());
    let groups = by_kind.into_iter().chain(by_size).chain([all]);
    groups.filter(|(_, group): &(_, Vec<_>)| !group.is_empty())
}

fn measure(
    table: &mut Table,
    plot: &mut Plot,
    rounds: usize,
    name: &str,
    pairs: Vec<&Pair<'_>>,
    action: &Action<'_>,
) {
    let raw: usize = pairs.iter().map(|pair| pair.json().len()).sum();
    let (mut our_bytes, mut their_bytes) = (0, 0);
    let all = |side: &dyn Fn(&Pair<'_>) -> usize| {
        pairs.iter().map(|pair| side(black_box(pair))).sum::<usize>()
    };
    // Rounds over few messages are too short to be timed well: repeat them to a megabyte.
    let repeats = (1_000_000 / raw).clamp(1, 100);
    let [ours, theirs] = interleave(
        rounds,
        [&mut || (0..repeats).for_each(|_| our_bytes = black_box(all(action.ours))), &mut || {
            (0..repeats).for_each(|_| their_bytes = black_box(all(action.theirs)))
        }],
    );
    let bytes = raw as f64 * repeats as f64;
    let percent = |len: usize| format!("{:.1}", 100.0 * len as f64 / raw as f64);
    let speed = |nanos: f64| format!("{:.1}", bytes * 1e3 / nanos);
    let ratio = theirs.over(&ours);
    table.row([
        name.to_owned(),
        pairs.len().to_string(),
        raw.to_string(),
        percent(our_bytes),
        percent(their_bytes),
        speed(ours.median()),
        speed(theirs.median()),
        format!("{:.2}", ours.median() / 1e3 / (repeats * pairs.len()) as f64),
        ratio.spread(),
    ]);
    plot.bar(name, ratio.median());
}
