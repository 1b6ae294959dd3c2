//! mq-bridge (crates.io: mq-bridge-app), as a process of its own.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::Brokers;
use super::place::{Kind, Place};

/// What it is told, for the table's caption.
pub(super) const SETTINGS: &str = "mqb as its documentation recommends, but for: concurrency 1, as with its default of 4 it does not keep the order; a prefetch of 2048 on AMQP, as the others have, where its default is 100; deduplication on JetStream, as the others do. So: batches of 1,024, publisher confirms, acks=all and idempotent with lz4, a durable consumer.";

/// The program.
pub(super) struct Mqb {
    /// What it calls itself.
    pub(super) version: String,
}

impl Mqb {
    /// The one on the PATH, if there is one.
    ///
    /// # Errors
    /// When there is one that does not run.
    pub(super) fn find() -> anyhow::Result<Option<Self>> {
        let told = match Command::new("mqb").arg("--version").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            told => told.context("mqb --version")?,
        };
        let version = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        anyhow::ensure!(told.status.success() && !version.is_empty(), "mqb --version failed");
        Ok(Some(Self { version }))
    }

    /// Relays until `pace` says that all is there, then ends it in an orderly way.
    pub(super) async fn relay(
        &self,
        source: &Place,
        target: &Place,
        brokers: &Brokers,
        pace: impl Future<Output = anyhow::Result<f64>>,
    ) -> anyhow::Result<f64> {
        let (input, output) = (input(source, brokers)?, output(target, brokers)?);
        let config = format!(
            "log_level: warn\nroutes:\n  r:\n    concurrency: 1\n    input:\n{input}    output:\n{output}"
        );
        let mut running = Running::start(&config)?;
        let ended = async {
            loop {
                if let Some(status) = running.child.try_wait()? {
                    bail!("mqb ended with {status}: {}", running.log());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let speed = tokio::select! {
            speed = pace => speed?,
            ended = ended => ended?,
        };
        running.stop().await?;
        Ok(speed)
    }
}

fn input(source: &Place, brokers: &Brokers) -> anyhow::Result<String> {
    let name = &source.name;
    Ok(match source.kind {
        Kind::Stream => format!(
            "      nats:\n        url: '{}'\n        stream: '{name}'\n        subject: '{name}.>'\n",
            brokers.nats.url()
        ),
        Kind::Kafka => format!(
            "      kafka:\n        url: '{}'\n        topic: '{name}'\n        group_id: '{name}'\n",
            brokers.kafka.bootstrap()
        ),
        Kind::Rabbit => format!(
            "      amqp:\n        url: '{}'\n        queue: '{name}'\n        prefetch_count: 2048\n",
            brokers.rabbit.url()
        ),
    })
}

fn output(target: &Place, brokers: &Brokers) -> anyhow::Result<String> {
    let name = &target.name;
    Ok(match target.kind {
        Kind::Stream => format!(
            "      nats:\n        url: '{}'\n        stream: '{name}'\n        subject: '{}'\n        deduplicate: true\n",
            brokers.nats.url(),
            target.subject()
        ),
        Kind::Kafka => format!(
            "      kafka:\n        url: '{}'\n        topic: '{name}'\n",
            brokers.kafka.bootstrap()
        ),
        Kind::Rabbit => bail!("no route of this benchmark ends there"),
    })
}

/// The process, ended when dropped.
struct Running {
    child: Child,
    folder: TempDir,
}

impl Running {
    fn start(config: &str) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("m2m-bench-mqb-")?;
        let path = folder.path();
        fs::write(path.join("mqb.yaml"), config)?;
        let log = File::create(path.join("log"))?;
        let mut command = Command::new("mqb");
        command.args(["--no-ui", "--no-metrics", "--config", "mqb.yaml"]).current_dir(path);
        // What it keeps beside its configuration is to go with the folder.
        command.env("HOME", path).env("XDG_RUNTIME_DIR", path).env("TMPDIR", path);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("mqb does not start")?;
        Ok(Self { child, folder })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// As a supervisor would end it, so that it acknowledges what it has delivered.
    async fn stop(&mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let ended = async {
            while self.child.try_wait()?.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        // One that hangs is killed when it is dropped.
        tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap_or(Ok(()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
