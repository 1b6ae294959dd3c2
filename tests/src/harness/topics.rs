//! What the harness asks Kafka for: its topics, and whether they can be written.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::metadata::Metadata;
use tokio::time::sleep;

use super::{HarnessError, Kafka, KafkaOptions, Kind};

const ASK: Duration = Duration::from_secs(5);
const TOPIC: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

impl Kafka {
    /// What `bootstrap.servers` wants: host and port.
    pub fn bootstrap(&self) -> &str {
        bootstrap(self.url())
    }

    /// Creates a topic, and waits until all its partitions can be written.
    ///
    /// # Errors
    /// When Kafka refuses it, does not answer, or has not brought it up within a minute.
    pub async fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), HarnessError> {
        let failed = |source| HarnessError::Topic { topic: topic.to_owned(), source };
        let admin: AdminClient<DefaultClientContext> =
            client(self.bootstrap()).create().map_err(failed)?;
        let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(TOPIC));
        let created = admin.create_topics([&wanted], &options).await;
        if let Some(Err((_, code))) = created.map_err(failed)?.pop() {
            return Err(HarnessError::TopicRefused { topic: topic.to_owned(), code });
        }
        let begun = Instant::now();
        loop {
            let metadata = metadata(self.bootstrap(), Some(topic)).await.map_err(failed)?;
            let known = metadata.topics().iter().map(|topic| topic.partitions().len()).sum();
            if usize::try_from(partitions) == Ok(known) && led(&metadata) {
                return Ok(());
            }
            if begun.elapsed() > TOPIC {
                return Err(HarnessError::Silent {
                    broker: KafkaOptions::NAME,
                    waited: TOPIC,
                    log: format!("(topic {topic} has {known} of {partitions} partitions)"),
                    source: None,
                });
            }
            sleep(POLL).await;
        }
    }
}

pub(super) fn bootstrap(url: &str) -> &str {
    url.strip_prefix("kafka://").unwrap_or(url).trim_end_matches('/')
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    // Until the broker is up there is nothing to learn from what librdkafka would log.
    config.set("log_level", "0");
    config
}

/// What the broker says of itself and one topic, or all; rdkafka's call blocks.
pub(super) async fn metadata(bootstrap: &str, topic: Option<&str>) -> KafkaResult<Metadata> {
    let config = client(bootstrap);
    let topic = topic.map(str::to_owned);
    let asked = tokio::task::spawn_blocking(move || {
        let admin: AdminClient<DefaultClientContext> = config.create()?;
        admin.inner().fetch_metadata(topic.as_deref(), ASK)
    });
    asked.await.unwrap_or(Err(KafkaError::Canceled))
}

/// Whether every partition can be written.
pub(super) fn led(metadata: &Metadata) -> bool {
    let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    partitions.all(|partition| partition.leader() >= 0)
}
