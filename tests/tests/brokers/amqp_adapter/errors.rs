//! What cannot be had, and whether it pays to try again.

use anyhow::Result;
use lapin::ConnectionProperties;
use lapin::types::FieldTable;
use m2m_amqp::error::ConnectError;
use m2m_amqp::link::{ConnectionConfig, QueueSource, QueueSourceConfig, SourceError};
use m2m_engine::error::{Classify, Transience};
use m2m_tests::harness::unique;

use super::{bare, engine, queue, url};

fn source_config(queue: &str) -> QueueSourceConfig {
    QueueSourceConfig { queue: queue.to_owned(), ..QueueSourceConfig::default() }
}

#[tokio::test]
async fn connections_are_refused_for_good_or_for_now() -> Result<()> {
    let here = url().await?;
    let absent = "amqp://guest:secret@127.0.0.1:1/%2f";
    for (uri, transience) in [
        (here.replace("guest:guest", "guest:secret"), Transience::Permanent),
        (here.replace("%2f", "no-such-vhost"), Transience::Permanent),
        (absent.to_owned(), Transience::Transient),
        ("amqp:guest:secret@host".to_owned(), Transience::Permanent),
    ] {
        let options = ConnectionProperties::default();
        let error = m2m_amqp::Connection::connect(&uri, options, engine()).await.unwrap_err();
        assert_eq!(error.transience(), transience, "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        let error = QueueSource::connect(&uri, source_config("q")).await.unwrap_err();
        assert_eq!(error.transience(), transience, "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    Ok(())
}

/// A server that accepts and says nothing.
#[tokio::test]
async fn a_silent_server_is_not_waited_for_without_end() -> Result<()> {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("amqp://127.0.0.1:{}", silent.local_addr()?.port());
    let connection = ConnectionConfig {
        timeout: std::time::Duration::from_millis(50),
        ..ConnectionConfig::default()
    };
    let config = QueueSourceConfig { connection, ..source_config("q") };
    let error = QueueSource::connect(&uri, config).await.unwrap_err();
    assert!(matches!(error, SourceError::Connect(ConnectError::TimedOut { .. })), "{error:?}");
    assert_eq!(error.transience(), Transience::Transient);
    Ok(())
}

#[tokio::test]
async fn queues_are_refused_for_good_or_for_now() -> Result<()> {
    let missing = QueueSource::connect(url().await?, source_config(&unique("missing"))).await;
    let error = missing.unwrap_err();
    assert!(matches!(error, SourceError::Consume { .. }), "{error:?}");
    assert_eq!(error.transience(), Transience::Permanent);

    let too_long = QueueSource::connect(url().await?, source_config(&"q".repeat(256))).await;
    assert_eq!(too_long.unwrap_err().transience(), Transience::Permanent);

    let (_bare, channel) = bare().await?;
    let queue = queue(&channel, FieldTable::default()).await?;
    let config = QueueSourceConfig { exclusive: true, ..source_config(&queue) };
    let _first = QueueSource::connect(url().await?, config).await?;
    let second = QueueSource::connect(url().await?, source_config(&queue)).await;
    let error = second.unwrap_err();
    assert_eq!(error.transience(), Transience::Transient, "{error:?}");
    Ok(())
}
