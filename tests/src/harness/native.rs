//! A broker as a process of this machine.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::time::sleep;

use super::reaper::Reaper;
use super::{HarnessError, Kind, Site, ports};

const STOP: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
const LOG_TAIL: i64 = 4_000;

/// A process, its folder with configuration, data and log, and what cleans up behind both.
#[derive(Debug)]
pub(super) struct Native {
    broker: &'static str,
    variable: &'static str,
    command: Command,
    child: Option<Child>,
    // Dropped in this order: the folder goes while the reaper still watches.
    dir: TempDir,
    reaper: Reaper,
}

impl Native {
    /// Prepares a broker that will listen on `port`, without starting it.
    pub(super) async fn prepare<K: Kind>(kind: &K, port: u16) -> Result<Self, HarnessError> {
        let prefix = format!("m2m-{}-", K::NAME.to_lowercase());
        let dir = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir()
            .map_err(HarnessError::io("make a folder for the broker"))?;
        let reaper =
            Reaper::for_process(dir.path()).map_err(HarnessError::io("start the reaper"))?;
        let site = Site {
            dir: dir.path().to_path_buf(),
            programs: programs(),
            port,
            second_port: ports::free().map_err(HarnessError::io("find a free port"))?,
        };
        let mut command = kind.command(&site).await?;
        command.current_dir(dir.path()).stdin(Stdio::null()).process_group(0);
        Ok(Self { broker: K::NAME, variable: K::VARIABLE, command, child: None, dir, reaper })
    }

    /// Starts the process, unless it runs; the caller waits until it answers.
    pub(super) fn start(&mut self) -> Result<(), HarnessError> {
        self.ended()?;
        if self.child.is_some() {
            return Ok(());
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .and_then(|log| Ok((log.try_clone()?, log)));
        let (log, same) = log.map_err(HarnessError::io("open the broker's log"))?;
        let child = self.command.stdout(log).stderr(same).spawn().map_err(|source| match source
            .kind()
        {
            io::ErrorKind::NotFound => HarnessError::Missing {
                broker: self.broker,
                program: self.command.get_program().into(),
                variable: self.variable,
            },
            _ => HarnessError::Io { action: "start the broker", source },
        })?;
        let watched = self.reaper.watch(Some(child.id()));
        self.child = Some(child);
        watched.map_err(HarnessError::io("reach the reaper"))
    }

    /// Asks the process to end, and waits until it has.
    pub(super) async fn stop(&mut self) -> Result<(), HarnessError> {
        let Some(child) = &self.child else {
            return Ok(());
        };
        kill_process(Pid::from_child(child), Signal::TERM)
            .map_err(|code| HarnessError::io("signal the broker")(code.into()))?;
        let begun = Instant::now();
        while self.ended()?.is_none() {
            if begun.elapsed() > STOP {
                self.kill()?;
                return Err(HarnessError::NotStopped { broker: self.broker, waited: STOP });
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Ends the process and what it started, without warning.
    pub(super) fn kill(&mut self) -> Result<(), HarnessError> {
        if let Some(mut child) = self.child.take() {
            // The group may be gone already; `wait` says what counts.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            child.wait().map_err(HarnessError::io("wait for the broker's end"))?;
            self.reaper.watch(None).map_err(HarnessError::io("reach the reaper"))?;
        }
        Ok(())
    }

    /// How the process ended; none while it runs, and after this has been said once.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, HarnessError> {
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        let status = child.try_wait().map_err(HarnessError::io("see whether the broker runs"))?;
        if status.is_some() {
            self.child = None;
            self.reaper.watch(None).map_err(HarnessError::io("reach the reaper"))?;
        }
        Ok(status)
    }

    /// The end of what the broker wrote.
    pub(super) fn log_tail(&self) -> String {
        tail(&self.log()).unwrap_or_else(|error| format!("(no log: {error})"))
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // If this fails the reaper does it when the process ends.
        let _ = self.kill();
    }
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    if file.seek(SeekFrom::End(-LOG_TAIL)).is_err() {
        file.rewind()?;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The folder that `make brokers` fills.
fn programs() -> PathBuf {
    let named = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    named("M2M_BROKERS_DIR").map_or_else(
        || {
            let cache = named("XDG_CACHE_HOME").map_or_else(
                || Path::new(&named("HOME").unwrap_or_default()).join(".cache"),
                PathBuf::from,
            );
            cache.join("m2m-bus/brokers")
        },
        |dir| fs::canonicalize(&dir).unwrap_or_else(|_| dir.into()),
    )
}
