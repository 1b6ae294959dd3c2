//! What becomes of brokers in the end, and of tests that cannot have one; seen from outside, on `with-brokers`.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use m2m_tests::harness::{Broker, Kind, eventually};
use m2m_tests::harness::{KafkaOptions, NatsOptions, RabbitOptions};

/// Prints the addresses, one a line, then an empty one.
const TELL: &str =
    r#"printf '%s\n' "$M2M_TEST_NATS_URL" "$M2M_TEST_KAFKA_URL" "$M2M_TEST_AMQP_URL" ''"#;

/// `with-brokers` as on a machine where nobody points at a broker, its brokers' folders in `temporary`.
fn with_brokers(temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with-brokers"));
    command
        .env("TMPDIR", temporary)
        .env_remove(NatsOptions::VARIABLE)
        .env_remove(KafkaOptions::VARIABLE)
        .env_remove(RabbitOptions::VARIABLE);
    command
}

#[tokio::test]
async fn a_missing_broker_says_how_to_get_it() -> Result<()> {
    let empty = tempfile::tempdir()?;
    for (only, variable) in [
        ("nats", NatsOptions::VARIABLE),
        ("kafka", KafkaOptions::VARIABLE),
        ("rabbit", RabbitOptions::VARIABLE),
    ] {
        let output = with_brokers(empty.path())
            .env("M2M_BROKERS_DIR", empty.path())
            .env("DOCKER_HOST", "unix:///nonexistent.sock")
            .args(["--only", only, "--", "true"])
            .output()?;
        assert!(!output.status.success(), "{only} started from nothing");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("make brokers") && said.contains(variable), "{only}: {said}");
    }
    assert_eq!(empty.path().read_dir()?.count(), 0, "folders left behind");
    Ok(())
}

#[tokio::test]
async fn a_broker_already_there_is_used_and_left_alone() -> Result<()> {
    given::<NatsOptions>("nats").await?;
    given::<KafkaOptions>("kafka").await?;
    given::<RabbitOptions>("rabbit").await
}

async fn given<K: Kind>(only: &str) -> Result<()> {
    let url = Broker::<K>::shared().await?.url();
    let mut given = Broker::<K>::at(url).await?;
    for refused in [given.stop().await, given.kill().await, given.start_again().await] {
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(K::VARIABLE), "{message}");
    }
    drop(given);
    K::probe(url).await.map_err(|error| anyhow::anyhow!("it is gone: {error}"))?;

    let empty = tempfile::tempdir()?;
    let output = with_brokers(empty.path())
        .env(K::VARIABLE, url)
        .args(["--only", only, "--", "printenv", K::VARIABLE])
        .output()?;
    assert_eq!(String::from_utf8(output.stdout)?.trim(), url);
    Ok(())
}

#[tokio::test]
async fn nothing_stays_after_a_good_end() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let output = with_brokers(temporary.path())
        .args(["--", "sh", "-c", &format!("{TELL}; exit 7")])
        .output()?;
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let urls = String::from_utf8(output.stdout)?;
    gone(urls.lines().filter(|url| !url.is_empty()), temporary.path()).await
}

#[tokio::test]
async fn nothing_stays_after_a_sudden_end() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    // The command ends by itself when this test does.
    let mut process = with_brokers(temporary.path())
        .args(["--", "sh", "-c", &format!("{TELL}; cat")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let told = BufReader::new(process.stdout.take().context("no output")?).lines();
    let urls: Vec<_> = told.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    for url in &urls {
        assert!(connects(url)?, "{url} does not run");
    }
    process.kill()?;
    process.wait()?;
    gone(urls.iter().map(String::as_str), temporary.path()).await
}

/// Waits until nothing listens at these three addresses and the folder is empty.
async fn gone(urls: impl Iterator<Item = &str>, temporary: &Path) -> Result<()> {
    let urls: Vec<_> = urls.collect();
    assert_eq!(urls.len(), 3, "{urls:?}");
    for url in urls {
        eventually(&format!("the end of {url}"), async || !connects(url).unwrap()).await;
    }
    eventually("an empty folder", async || temporary.read_dir().unwrap().count() == 0).await;
    Ok(())
}

fn connects(url: &str) -> Result<bool> {
    let (_, rest) = url.split_once("://").context("no URL")?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let address = host.split('/').next().context("no address")?;
    Ok(TcpStream::connect(address).is_ok())
}
