//! What the parts that talk to brokers share.

pub mod log_dirs;

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use anyhow::Context as _;
use bytes::Bytes;
use m2m_tests::harness::Kafka;
use rdkafka::ClientConfig;

use crate::data::Message;
use crate::timing::process_cpu;

/// Messages under way that are not yet acknowledged.
pub const IN_FLIGHT: usize = 256;

/// What sending and receiving some messages took, and what lies on the broker.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Seconds from the first send to the last receipt.
    pub seconds: f64,
    /// Nanoseconds of this process's CPU in that time.
    pub cpu: f64,
    /// Bytes on the broker, as it says.
    pub stored: u64,
}

/// Wall clock and CPU, from now on.
#[derive(Debug)]
pub struct Stopwatch {
    begun: Instant,
    cpu: u64,
}

impl Stopwatch {
    /// Begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { begun: Instant::now(), cpu: process_cpu() }
    }

    /// What it took so far.
    #[must_use]
    pub fn sample(&self, stored: u64) -> Sample {
        let cpu = (process_cpu() - self.cpu) as f64;
        Sample { seconds: self.begun.elapsed().as_secs_f64(), cpu, stored }
    }
}

/// So many payloads of about this size, one after the other from those messages that have it.
#[must_use]
pub fn payloads(messages: &[Message], size: usize, count: usize) -> Vec<Bytes> {
    let fits = |len: usize| (size * 3 / 4..=size * 5 / 4).contains(&len);
    let of_size: Vec<Bytes> = messages
        .iter()
        .filter(|message| fits(message.json.len()))
        .map(|message| Bytes::copy_from_slice(message.json.as_bytes()))
        .collect();
    of_size.iter().cycle().take(count).cloned().collect()
}

/// A Kafka client's configuration.
#[must_use]
pub fn kafka_client(kafka: &Kafka, group: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", kafka.bootstrap());
    client.set("group.id", group).set("auto.offset.reset", "earliest");
    client.set("enable.auto.commit", "false").set("log_level", "3");
    client
}

/// Bytes of the files with this extension (any for `""`) in the folder of a stream or topic partition, which the harness lets its brokers keep
/// below the folder for temporary files. Read from the disk, as JetStream tells sizes before its compression, and Kafka's tool for it
/// is not among what the harness gets.
///
/// # Errors
/// When there is no such folder: the broker is not one that the harness started here.
pub fn stored(name: &str, extension: &str) -> anyhow::Result<u64> {
    let folder = find(&env::temp_dir(), name, 6);
    let folder = folder.with_context(|| format!("no broker of this machine stores {name}"))?;
    Ok(bytes_in(&folder, extension))
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn find(folder: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    if folder.file_name().is_some_and(|found| found == name) {
        return Some(folder.to_owned());
    }
    let depth = depth.checked_sub(1)?;
    entries(folder).filter(|path| path.is_dir()).find_map(|path| find(&path, name, depth))
}

fn bytes_in(folder: &Path, extension: &str) -> u64 {
    let counts =
        |path: &Path| extension.is_empty() || path.extension().is_some_and(|e| e == extension);
    entries(folder)
        .map(|path| match path.metadata() {
            Ok(data) if data.is_dir() => bytes_in(&path, extension),
            Ok(data) if counts(&path) => data.len(),
            _ => 0,
        })
        .sum()
}
