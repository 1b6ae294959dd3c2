//! The bridge's own program: killed in the middle and started again; stopped by SIGTERM; its exit codes.

use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

use super::bridge::{config, route};
use super::messages::{check, complete, mixed};
use super::place::{Kind, LIMIT, Place, Taker};

/// The program, built once: another package's binary is not in this one's environment.
static PROGRAM: LazyLock<Result<String, String>> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    // With the features that the whole workspace asks for, as in `make test`: it is there already then.
    cargo.args(["build", "--workspace", "--bin", "m2m-bridge", "--quiet", "--message-format=json"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built =
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().map_err(|e| e.to_string())?;
    let program = String::from_utf8_lossy(&built.stdout).lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "m2m-bridge")
            .then(|| message["executable"].as_str().map(str::to_owned))?
    });
    program.ok_or_else(|| String::from_utf8_lossy(&built.stderr).into_owned())
});

/// A bridge in a process of its own; killed when dropped.
struct Process {
    child: Child,
    _file: NamedTempFile,
}

impl Process {
    async fn start(text: &str) -> Result<Self> {
        let program = tokio::task::spawn_blocking(|| PROGRAM.clone()).await?;
        let program = program.map_err(anyhow::Error::msg).context("m2m-bridge does not build")?;
        let mut file = NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        let child = Command::new(program)
            .arg("run")
            .arg(file.path())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, _file: file })
    }

    /// SIGKILL.
    fn kill(mut self) -> Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "the bridge has ended by itself");
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM; waits for the end.
    async fn terminate(mut self) -> Result<ExitStatus> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        let begun = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status),
                None if begun.elapsed() > LIMIT => anyhow::bail!("the bridge does not end"),
                None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const COUNT: usize = 3_000;
const IN_FLIGHT: usize = 64;

/// A route of its own for each kind of source, and what comes out of it.
struct Stretch {
    from: Place,
    to: Place,
    taker: Taker,
}

async fn stretch(from: Kind, to: Kind) -> Result<Stretch> {
    let (from, to) = (Place::new(from).await?, Place::new(to).await?);
    let taker = to.taker().await?;
    Ok(Stretch { from, to, taker })
}

/// Each kind of broker once as a source and once as a target.
async fn stretches() -> Result<Vec<Stretch>> {
    Ok(vec![
        stretch(Kind::Stream, Kind::Rabbit).await?,
        stretch(Kind::Rabbit, Kind::Kafka).await?,
        stretch(Kind::Kafka, Kind::Stream).await?,
    ])
}

fn text(stretches: &[Stretch]) -> String {
    let places: Vec<&Place> = stretches.iter().flat_map(|s| [&s.from, &s.to]).collect();
    let routes: String = (0..)
        .zip(stretches)
        .map(|(n, s)| route(&format!("r{n}"), &s.from, &s.to, &format!("in_flight = {IN_FLIGHT}")))
        .collect();
    config(&places, &routes)
}

/// Feeds all stretches at once; the traffic goes on whatever becomes of the bridge.
fn feeding(stretches: &[Stretch]) -> tokio::task::JoinHandle<Result<()>> {
    let places: Vec<Place> = stretches.iter().map(|stretch| stretch.from.clone()).collect();
    tokio::spawn(async move {
        let feeds = places.iter().map(|place| async { place.feed(mixed(place, COUNT)?).await });
        futures_util::future::try_join_all(feeds).await.map(drop)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_it_loses_nothing() -> Result<()> {
    let mut stretches = stretches().await?;
    let text = text(&stretches);
    let process = Process::start(&text).await?;
    let fed = feeding(&stretches);
    for stretch in &mut stretches {
        stretch.taker.wait(300).await?;
    }
    process.kill()?;
    let process = Process::start(&text).await?;
    fed.await??;
    for stretch in &mut stretches {
        let Stretch { from, to, taker } = stretch;
        taker.wait_until("all", |arrived| complete(arrived, COUNT)).await?;
        let arrived = taker.rest().await;
        let duplicates = check(from, to, arrived, COUNT).context(format!("{:?}", from.kind))?;
        // What was acknowledged to Kafka and not yet committed comes again too.
        let window = if from.kind == Kind::Kafka { 2 * IN_FLIGHT } else { IN_FLIGHT };
        ensure!(duplicates <= window, "{duplicates} duplicates from {:?}", from.kind);
        // JetStream knows a message that comes again by its id.
        ensure!(duplicates == 0 || to.kind != Kind::Stream, "{duplicates} duplicates");
    }
    ensure!(process.terminate().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_by_sigterm_it_finishes_and_nothing_comes_twice() -> Result<()> {
    let mut stretches = stretches().await?;
    let text = text(&stretches);
    let process = Process::start(&text).await?;
    let fed = feeding(&stretches);
    for stretch in &mut stretches {
        stretch.taker.wait(300).await?;
    }
    let status = process.terminate().await?;
    ensure!(status.code() == Some(0), "{status}");
    fed.await??;
    let process = Process::start(&text).await?;
    for Stretch { from, to, taker } in &mut stretches {
        taker.wait_until("all", |arrived| complete(arrived, COUNT)).await?;
        let duplicates = check(from, to, taker.rest().await, COUNT)?;
        ensure!(duplicates == 0, "{duplicates} came twice from {:?}", from.kind);
    }
    ensure!(process.terminate().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_while_a_broker_is_away_and_ends_when_a_route_can_never_work() -> Result<()> {
    // Nobody listens on that port.
    let (from, mut to) = (Place::new(Kind::Stream).await?, Place::new(Kind::Rabbit).await?);
    let url = std::mem::replace(&mut to.url, "amqp://127.0.0.1:1".to_owned());
    let process = Process::start(&config(&[&from, &to], &route("r", &from, &to, ""))).await?;
    from.feed(mixed(&from, 10)?).await?;
    let context = async_nats::jetstream::new(async_nats::connect(&from.url).await?);
    m2m_tests::harness::eventually("the bridge has read what it cannot send", async || {
        let stream = context.get_stream(&from.name).await.unwrap();
        let consumer =
            stream.get_consumer::<async_nats::jetstream::consumer::pull::Config>("bridge");
        match consumer.await {
            Ok(mut consumer) => consumer.info().await.unwrap().num_ack_pending == 10,
            Err(_) => false,
        }
    })
    .await;
    process.kill()?;
    to.url = url;
    let mut taker = to.taker().await?;
    let process = Process::start(&config(&[&from, &to], &route("r", &from, &to, ""))).await?;
    taker.wait(10).await?;
    ensure!(process.terminate().await?.success());

    let mut nowhere = from.clone();
    nowhere.name = "no-such-stream".to_owned();
    let retry = "retry = { min_backoff = '10ms', max_backoff = '20ms' }";
    let mut process =
        Process::start(&config(&[&nowhere, &to], &route("r", &nowhere, &to, retry))).await?;
    let status = tokio::task::spawn_blocking(move || process.child.wait()).await??;
    ensure!(status.code() == Some(3), "{status}");
    Ok(())
}
