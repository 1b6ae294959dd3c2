//! Messages out of Kafka topics, for the relay.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use m2m_engine::bus::{Capabilities, Delivery, Receipt, Source};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::oneshot;

use super::poller::{self, PollContext};
use super::shared::Shared;
use super::state::Position;
use super::with_defaults;
use crate::error::{CreateError, SettleError, SourceError};

/// What a source is told beside its client's configuration.
#[derive(Debug, Clone)]
pub struct KafkaSourceConfig {
    /// Topics to subscribe to; one that begins with `^` is a regular expression over all names.
    pub topics: Vec<String>,
    /// The most messages that a crash would deliver again: those not acknowledged, and those acknowledged whose offset is
    /// not committed. From 1; 2,048 unless told otherwise. Should be well above the number that the relay has in flight.
    pub window: usize,
    /// The most bytes of messages not acknowledged, plus one message; 64 MiB unless told otherwise.
    pub window_bytes: usize,
    /// How long a message rests after a nack; 1 s unless told otherwise.
    pub nack_backoff: Duration,
    /// The longest time between an acknowledgement and its commit; 1 s unless told otherwise. Half a window is committed at once.
    pub commit_interval: Duration,
    /// The longest time that closing takes; 10 s unless told otherwise.
    pub close_timeout: Duration,
}

impl Default for KafkaSourceConfig {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            window: 2048,
            window_bytes: 64 << 20,
            nack_backoff: Duration::from_secs(1),
            commit_interval: Duration::from_secs(1),
            close_timeout: Duration::from_secs(10),
        }
    }
}

/// Raw frames from Kafka topics, as a member of a consumer group.
///
/// Messages are settled in any order. Committed is what has no unsettled message before it in its partition, so that a crash
/// delivers again from the first unsettled one on. A nack hands the message out again after a while, without a round to Kafka.
/// When a partition is taken away, what is settled is committed and the rest forgotten: its next owner gets it.
#[derive(Debug)]
pub struct KafkaSource {
    client: ClientConfig,
    config: KafkaSourceConfig,
    worker: Option<Worker>,
}

#[derive(Debug)]
struct Worker {
    shared: Arc<Shared>,
    done: oneshot::Receiver<Result<(), KafkaError>>,
}

impl KafkaSource {
    /// A source with this client configuration, which must name `bootstrap.servers` and `group.id`.
    ///
    /// It begins at the earliest offset where the group has none, unless `auto.offset.reset` says otherwise, and looks for new
    /// topics every ten seconds, unless `topic.metadata.refresh.interval.ms` does. Committing is the source's own business, whatever
    /// `enable.auto.commit` says.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration; an unreachable broker is waited for.
    pub fn new(client: ClientConfig, config: KafkaSourceConfig) -> Result<Self, CreateError> {
        if client.get("group.id").is_none_or(str::is_empty) {
            return Err(CreateError::NoGroup);
        }
        if config.topics.is_empty() {
            return Err(CreateError::NoTopics);
        }
        let mut client = with_defaults(
            &client,
            &[
                (&["auto.offset.reset"], "earliest"),
                (&["topic.metadata.refresh.interval.ms"], "10000"),
            ],
        );
        client.set("enable.auto.commit", "false");
        client.set("enable.auto.offset.store", "false");
        let worker = Some(Worker::start(&client, &config)?);
        Ok(Self { client, config, worker })
    }
}

impl Worker {
    fn start(client: &ClientConfig, config: &KafkaSourceConfig) -> Result<Self, CreateError> {
        let shared = Arc::new(Shared::new(config.clone()));
        let consumer: BaseConsumer<PollContext> =
            client.create_with_context(PollContext(Arc::clone(&shared)))?;
        let topics: Vec<&str> = config.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        let (tell, done) = oneshot::channel();
        let polled = Arc::clone(&shared);
        thread::Builder::new()
            .name("m2m-kafka-source".to_owned())
            .spawn(move || {
                let stopping = Stopping(polled);
                let result = poller::run(consumer, &stopping.0);
                // Nobody waits for it when the source was dropped.
                let _ = tell.send(result);
            })
            .map_err(CreateError::Thread)?;
        Ok(Self { shared, done })
    }
}

/// Tells `recv` that the thread has ended, should it do so by a panic.
struct Stopping(Arc<Shared>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.stop(None);
    }
}

/// Without waiting: what is assigned goes back to the group within moments, acknowledgements not yet committed included.
impl Drop for KafkaSource {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.shared.end();
        }
    }
}

impl Source for KafkaSource {
    type Receipt = KafkaReceipt;
    type Error = SourceError;

    fn capabilities(&self) -> Capabilities {
        Capabilities { confirms: true, redelivers: true }
    }

    async fn recv(&mut self) -> Result<Vec<Delivery<KafkaReceipt>>, SourceError> {
        let worker = match &mut self.worker {
            Some(worker) => worker,
            none => none.insert(Worker::start(&self.client, &self.config)?),
        };
        let result = worker.shared.next().await;
        if result.is_err() {
            self.worker = None;
        }
        result
    }

    async fn close(mut self) -> Result<(), SourceError> {
        let Some(Worker { shared, done }) = self.worker.take() else {
            return Ok(());
        };
        shared.end();
        let limit = self.config.close_timeout;
        match tokio::time::timeout(limit, done).await {
            Ok(Ok(result)) => result.map_err(SourceError::Commit),
            Ok(Err(_)) => Err(SourceError::Stopped),
            Err(_) => Err(SourceError::CloseTimeout { limit }),
        }
    }
}

/// Settles one message. What is said after its partition was taken away is an error and changes nothing: the message is delivered again.
pub struct KafkaReceipt {
    shared: Arc<Shared>,
    position: Position,
}

impl KafkaReceipt {
    pub(super) fn new(shared: Arc<Shared>, position: Position) -> Self {
        Self { shared, position }
    }
}

impl fmt::Debug for KafkaReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KafkaReceipt").field(&self.position).finish()
    }
}

impl Receipt for KafkaReceipt {
    type Error = SettleError;

    /// Lets the message's offset be committed, once all before it in its partition may be.
    async fn ack(self) -> Result<(), SettleError> {
        self.shared.ack(&self.position)
    }

    /// Hands the message out again after [`KafkaSourceConfig::nack_backoff`].
    async fn nack(self) -> Result<(), SettleError> {
        self.shared.nack(self.position)
    }
}
