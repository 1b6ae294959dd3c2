//! Screening, all of it from the payload's bytes to the verdict, against the reference implementation's scanner.

use std::hint::black_box;

use m2m::security::SecurityScanner;
use m2m_engine::scan::ScanConfig;
use m2m_engine::{Config, Engine};

use crate::data::Kind;
use crate::report::{Plot, Report, Table};
use crate::setup::Setup;
use crate::timing::{Rounds, thread_cpu};

const COLUMNS: [&str; 7] = [
    "messages",
    "raw bytes",
    "reference, MB/s",
    "first sight, MB/s",
    "conversations, MB/s",
    "first sight, times as fast (quartiles)",
    "conversations, times as fast (quartiles)",
];

/// # Errors
/// When the engine refuses its configuration.
///
/// # Panics
/// When the reference's scanner fails.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    let forgetful = ScanConfig { remembered: 0, ..ScanConfig::default() };
    let first = Engine::new(Config { scan: forgetful, ..Config::default() })?;
    let reference = SecurityScanner::new();
    let mut report = Report::default();
    let mut table = Table::new(
        "scan",
        "JSON pass, unescaping, normalisation and rules included. At first sight nothing is remembered; as conversations, all messages of a \
         kind in their order by an engine that has seen none before.",
        &COLUMNS,
    );
    let mut plot =
        Plot::new("scan", "scan: times as fast as the reference at first sight", Some(4.0));
    for kind in Kind::ALL {
        let all = setup.messages.iter().filter(|message| message.kind == kind);
        let all: Vec<&str> = all.map(|message| message.json.as_str()).collect();
        let bytes: usize = all.iter().map(|json| json.len()).sum();
        if all.is_empty() {
            continue;
        }
        let judge = |engine: &Engine| {
            time(&mut || all.iter().for_each(|json| _ = black_box(engine.judge(json.as_bytes()))))
        };
        let [mut theirs, mut ours, mut again] = [const { Rounds(Vec::new()) }; 3];
        for round in 0..=setup.rounds {
            let fresh = Engine::new(Config::default())?;
            // Rules are made ready when they are first needed, which is a program's start. As no JSON, a message is one text, so that none
            // of its strings is remembered.
            all.iter().for_each(|json| _ = black_box(fresh.judge(format!("-{json}").as_bytes())));
            let took = [
                time(&mut || {
                    all.iter().for_each(|json| _ = black_box(reference.scan(json).unwrap()));
                }),
                judge(&first),
                judge(&fresh),
            ];
            // The first round does not count.
            if round > 0 {
                [&mut theirs, &mut ours, &mut again]
                    .into_iter()
                    .zip(took)
                    .for_each(|(rounds, took)| rounds.0.push(took));
            }
        }
        let speed = |rounds: &Rounds| format!("{:.1}", bytes as f64 * 1e3 / rounds.median());
        table.row([
            kind.name().to_owned(),
            bytes.to_string(),
            speed(&theirs),
            speed(&ours),
            speed(&again),
            theirs.over(&ours).spread(),
            theirs.over(&again).spread(),
        ]);
        plot.bar(kind.name(), theirs.over(&ours).median());
    }
    report.tables.push(table);
    report.plots.push(plot);
    Ok(report)
}

/// Nanoseconds of this thread's CPU.
fn time(work: &mut dyn FnMut()) -> f64 {
    let begun = thread_cpu();
    work();
    (thread_cpu() - begun) as f64
}
