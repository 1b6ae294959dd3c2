//! What general compressors make of the same messages, one by one.

use std::hint::black_box;
use std::io::Write;

use m2m_engine::Engine;

use super::{Pair, framed};
use crate::data::Kind;
use crate::report::{Plot, Report, Table};
use crate::timing::interleave;

type Compress<'a> = (String, Box<dyn Fn(&[u8]) -> usize + 'a>);

pub(super) fn run(report: &mut Report, engine: &Engine, pairs: &[Pair<'_>], rounds: usize) {
    let mut columns = vec!["compressor".to_owned()];
    columns.extend(Kind::ALL.map(|kind| format!("{}, %", kind.name())));
    columns.extend(["all, %".to_owned(), "MB/s".to_owned(), "time, ours = 1".to_owned()]);
    let mut table = Table::new(
        "context",
        "Each message compressed by itself, in % of its raw size. Ours carries its header and checksum within these bytes, the others nothing. The time is that of compressing all, as a multiple of ours within a round. lz4 (lz4_flex) has one level. Every fifth message.",
        &columns.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let ours = |payload: &[u8]| engine.wrap(payload, &framed()).unwrap().bytes.len();
    let mut plot = Plot::new("codec-context", "All messages compressed, % of their raw size", None);
    let us: Compress<'_> = ("ours, M2M v1".to_owned(), Box::new(ours));
    for peer in [us].into_iter().chain(peers()) {
        let percent = row(&mut table, pairs, rounds, &peer, &ours);
        plot.bar(peer.0, percent);
    }
    report.tables.push(table);
    report.plots.push(plot);
}

fn peers() -> Vec<Compress<'static>> {
    let mut peers: Vec<Compress<'_>> = Vec::new();
    for level in [1, 3, 9, 19] {
        let compress = move |payload: &[u8]| zstd::bulk::compress(payload, level).unwrap().len();
        peers.push((format!("zstd {level}"), Box::new(compress)));
    }
    peers.push(("lz4".to_owned(), Box::new(|payload| lz4_flex::block::compress(payload).len())));
    for quality in [1, 5, 9, 11] {
        peers
            .push((format!("Brotli {quality}"), Box::new(move |payload| brotli(payload, quality))));
    }
    peers
}

fn brotli(payload: &[u8], quality: u32) -> usize {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, quality, 22).write_all(payload).unwrap();
    out.len()
}

/// Adds a row; gives the share of all messages' bytes that is left.
fn row(
    table: &mut Table,
    pairs: &[Pair<'_>],
    rounds: usize,
    (name, compress): &Compress<'_>,
    ours: &dyn Fn(&[u8]) -> usize,
) -> f64 {
    let mut percent = 0.0;
    let mut cells = vec![name.clone()];
    // Of the messages, of all kinds, so many are enough for the slow ones.
    let pairs: Vec<_> = pairs.iter().step_by(5).collect();
    for kinds in Kind::ALL.map(|kind| vec![kind]).into_iter().chain([Kind::ALL.to_vec()]) {
        let of_kind: Vec<_> =
            pairs.iter().filter(|pair| kinds.contains(&pair.message.kind)).collect();
        let raw: usize = of_kind.iter().map(|pair| pair.json().len()).sum();
        let len: usize = of_kind.iter().map(|pair| compress(pair.json())).sum();
        percent = 100.0 * len as f64 / raw.max(1) as f64;
        cells.push(format!("{percent:.1}"));
    }
    let all = |side: &dyn Fn(&[u8]) -> usize| {
        for pair in &pairs {
            black_box(side(black_box(pair.json())));
        }
    };
    let [us, them] = interleave(rounds.min(3), [&mut || all(ours), &mut || all(compress)]);
    let raw: usize = pairs.iter().map(|pair| pair.json().len()).sum();
    cells.push(format!("{:.1}", raw as f64 * 1e3 / them.median()));
    cells.push(format!("{:.2}", them.over(&us).median()));
    table.rows.push(cells);
    percent
}
