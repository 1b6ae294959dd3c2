//! Allocations, CPU time and instructions of each hot path: `micro [--record | --smoke]`.
//!
//! Instructions are counted by callgrind, where valgrind is installed: so many for 12 times less those for 2, by ten. They hardly depend on
//! what else the machine does, so that a regression shows against `baseline/instructions.tsv`, which `--record` writes. `--smoke` counts
//! allocations, and the instructions of one path, to see that it can be done: those of a build without optimisation compare with nothing.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark may panic, and its figures are rounded"
)]

use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, ensure};
use m2m_bench::baseline::{Baseline, Counts};
use m2m_bench::callgrind;
use m2m_bench::hot::Hot;
use m2m_bench::report::{Report, Table};
use m2m_bench::timing::{Rounds, thread_cpu};

/// The path whose instructions a smoke test counts.
const SMOKE: &str = "wrap, stored, 100 B";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let told = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (record, smoke) = (told("--record"), told("--smoke"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline/instructions.tsv");
    let recorded = Baseline::parse(&fs::read_to_string(&file).unwrap_or_default())?;
    let mut counted = Baseline::default();
    let valgrind = callgrind::is_installed();
    let mut table = Table::new(
        "micro",
        "Of the generated messages nearest to each size; not screened unless it says so. Allocations are those of one call; instructions are callgrind's, against the recorded baseline.",
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
        let counts = match valgrind && (!smoke || name == SMOKE) {
            true => Some(Counts {
                instructions: instructions(name)?,
                allocations: allocated.count_total,
            }),
            false => None,
        };
        if name.starts_with("peek") {
            ensure!(allocated.count_total == 0, "{name} allocates");
        }
        let ratio = counts.and_then(|counts| recorded.ratio(name, counts)).filter(|_| !smoke);
        counted.0.extend(counts.map(|counts| (name.to_owned(), counts)));
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            name.to_owned(),
            hot.len().to_string(),
            if smoke { "-".to_owned() } else { format!("{:.0}", nanos(&hot)) },
            allocated.count_total.to_string(),
            allocated.bytes_total.to_string(),
            or_dash(counts.map(|counts| counts.instructions.to_string())),
            or_dash(ratio.map(|ratio| format!("{ratio:.3}"))),
        ]);
    }
    let report = Report { tables: vec![table], plots: Vec::new() };
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let folder = Path::new(&target).join(if smoke { "bench/smoke" } else { "bench" });
    report.publish("micro", "generated messages, seed 1", &folder)?;
    if !valgrind {
        println!("valgrind is not installed: instructions were not counted, nor compared");
    }
    if record {
        ensure!(valgrind, "a baseline needs valgrind");
        fs::create_dir_all(file.with_file_name(""))?;
        fs::write(&file, counted.to_string()).context("writing the baseline")?;
    } else if !smoke {
        let worse = recorded.worse(&counted);
        ensure!(worse.is_empty(), "more than the baseline says: {}", worse.join(", "));
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

/// Of one call.
fn instructions(name: &str) -> anyhow::Result<u64> {
    let run = |times: u32| {
        callgrind::count(callgrind::command("hot-path")?.args([name, &times.to_string()]))
    };
    Ok((run(12)? - run(2)?) / 10)
}
