//! Allocations, CPU time and instructions of each hot path: `micro [--record]`.
//!
//! Instructions are counted by callgrind, where valgrind is installed: so many for 12 times less those for 2, by ten. They hardly depend on
//! what else the machine does, so that a regression shows against `baseline/instructions.tsv`, which `--record` writes.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark may panic, and its figures are rounded"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, ensure};
use m2m_bench::hot::Hot;
use m2m_bench::report::{Report, Table};
use m2m_bench::timing::{Rounds, thread_cpu};

/// More than this and a path has become slower: counts of one build vary by less than a percent, with what the allocator finds.
const TOLERANCE: f64 = 1.03;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let baseline = Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline/instructions.tsv");
    let recorded = read(&baseline)?;
    let mut counted = BTreeMap::new();
    let mut slower = Vec::new();
    let mut table = Table::new(
        "micro",
        "Of the generated messages nearest to each size; no screening. Allocations are those of one call; instructions are callgrind's, against the recorded baseline.",
        &[
            "path",
            "payload, B",
            "ns",
            "allocations",
            "bytes allocated",
            "instructions",
            "baseline = 1",
        ],
    );
    for (name, ..) in Hot::ALL {
        let hot = Hot::new(name)?;
        hot.go();
        let allocated = allocation_counter::measure(|| hot.go());
        let instructions = instructions(name)?;
        let ratio = match (instructions, recorded.get(name)) {
            (Some(now), Some(then)) => Some(now as f64 / *then as f64),
            _ => None,
        };
        if ratio.is_some_and(|ratio| ratio > TOLERANCE) {
            slower.push(name);
        }
        counted.extend(instructions.map(|count| (name.to_owned(), count)));
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            name.to_owned(),
            hot.len().to_string(),
            format!("{:.0}", nanos(&hot)),
            allocated.count_total.to_string(),
            allocated.bytes_total.to_string(),
            or_dash(instructions.map(|count| count.to_string())),
            or_dash(ratio.map(|ratio| format!("{ratio:.3}"))),
        ]);
    }
    let report = Report { tables: vec![table], plots: Vec::new() };
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    report.publish("micro", "generated messages, seed 1", &Path::new(&target).join("bench"))?;
    if arguments.iter().any(|argument| argument == "--record") {
        let lines = counted.iter().map(|(name, count)| format!("{name}\t{count}\n"));
        fs::create_dir_all(baseline.with_file_name(""))?;
        fs::write(&baseline, lines.collect::<String>()).context("writing the baseline")?;
    } else {
        ensure!(slower.is_empty(), "more instructions than recorded: {}", slower.join(", "));
    }
    Ok(())
}

fn nanos(hot: &Hot) -> f64 {
    let times = 200_000 / (hot.len() + 100) + 1;
    let round = || {
        let begun = thread_cpu();
        (0..times).for_each(|_| hot.go());
        (thread_cpu() - begun) as f64 / times as f64
    };
    Rounds((0..21).map(|_| round()).collect()).median()
}

/// Of one call; `None` where there is no valgrind.
fn instructions(name: &str) -> anyhow::Result<Option<u64>> {
    let program = env::current_exe()?.with_file_name("hot-path");
    let run = |times: u32| -> anyhow::Result<Option<u64>> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        let Ok(told) = command.arg(&program).args([name, &times.to_string()]).output() else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&told.stderr);
        let count = text.lines().find_map(|line| line.split_once("Collected : "));
        let (_, count) = count.with_context(|| format!("valgrind counted nothing: {text}"))?;
        Ok(Some(count.trim().parse()?))
    };
    Ok(match (run(2)?, run(12)?) {
        (Some(few), Some(many)) => Some((many - few) / 10),
        _ => None,
    })
}

fn read(path: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let entries = text.lines().filter_map(|line| line.split_once('\t'));
    entries.map(|(name, count)| Ok((name.to_owned(), count.parse()?))).collect()
}
