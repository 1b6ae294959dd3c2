//! What the parts that talk to brokers share.

use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use m2m_tests::harness::Kafka;
use rdkafka::ClientConfig;
use serde_json::Value;
use tokio::process::Command;

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

/// Bytes of a topic's logs, by Kafka's own LogDirs tool.
///
/// # Errors
/// When the tool, which comes with the native broker, is not there or does not answer.
pub async fn kafka_bytes(kafka: &Kafka, topic: &str) -> anyhow::Result<u64> {
    let folder = env::var_os("M2M_BROKERS_DIR").map(PathBuf::from).or_else(|| {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        Some(cache.or_else(|| Some(env::home_dir()?.join(".cache")))?.join("m2m-bus/brokers"))
    });
    let jars = folder.context("no home folder")?.join("kafka/libs/*");
    let told = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(jars)
        .args(["org.apache.kafka.tools.LogDirsCommand", "--describe"])
        .args(["--bootstrap-server", kafka.bootstrap(), "--topic-list", topic])
        .output();
    let told = tokio::time::timeout(Duration::from_secs(60), told).await??;
    let text = String::from_utf8_lossy(&told.stdout);
    let line = text.lines().find(|line| line.starts_with('{')).context("LogDirs told nothing")?;
    let told: Value = serde_json::from_str(line)?;
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let dirs = list(&told, "brokers").into_iter().flat_map(|broker| list(&broker, "logDirs"));
    let partitions = dirs.flat_map(|dir| list(&dir, "partitions"));
    Ok(partitions.filter_map(|partition| partition["size"].as_u64()).sum())
}
