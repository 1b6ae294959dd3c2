//! Messages into Kafka topics, for the relay.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use m2m_engine::bus::{Capabilities, Envelope, Sink};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use super::{convert, with_defaults};
use crate::client::message_max_bytes;
use crate::error::{CreateError, SinkError};

/// How often a full queue is looked at, when no delivery says that there is room.
const FULL: Duration = Duration::from_millis(10);

/// What a sink is told beside its client's configuration.
#[derive(Debug, Clone)]
pub struct KafkaSinkConfig {
    /// The longest time that a full queue is waited for, and then a delivery, where `message.timeout.ms` is not set; 2 min unless
    /// told otherwise.
    pub send_timeout: Duration,
    /// The longest time that closing waits for what is enqueued; 10 s unless told otherwise.
    pub close_timeout: Duration,
}

impl Default for KafkaSinkConfig {
    fn default() -> Self {
        Self { send_timeout: Duration::from_secs(120), close_timeout: Duration::from_secs(10) }
    }
}

/// Raw frames into Kafka: the envelope's address is the topic, its key picks the partition.
///
/// The producer is idempotent, so that order holds with several requests in flight and what is confirmed stands in the topic once.
///
/// Brokers judge batches as a whole: where a topic's `max.message.bytes` is below 1 MB, `batch.size` has to be as well, or small
/// messages are refused for their neighbours' sake.
pub struct KafkaSink {
    client: ClientConfig,
    config: KafkaSinkConfig,
    message_max_bytes: Option<usize>,
    producer: Option<ThreadedProducer<SinkContext>>,
}

impl fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSink").finish_non_exhaustive()
    }
}

impl KafkaSink {
    /// A sink with this client configuration, which must name `bootstrap.servers`.
    ///
    /// Unless it says otherwise, the producer is idempotent and picks partitions as the Java client does (`murmur2_random`).
    ///
    /// # Errors
    /// When librdkafka refuses the configuration; an unreachable broker is waited for.
    pub fn new(client: ClientConfig, config: KafkaSinkConfig) -> Result<Self, CreateError> {
        let timeout = config.send_timeout.as_millis().to_string();
        let client = with_defaults(
            &client,
            &[
                (&["enable.idempotence"], "true"),
                (&["partitioner"], "murmur2_random"),
                (&["message.timeout.ms", "delivery.timeout.ms"], &timeout),
            ],
        );
        let producer = client.create_with_context(SinkContext::default())?;
        Ok(Self {
            message_max_bytes: message_max_bytes(&client)?,
            client,
            config,
            producer: Some(producer),
        })
    }

    /// Enqueues, waiting for room in the queue.
    async fn enqueue(&self, envelope: &mut Envelope) -> Result<Confirmation, SinkError> {
        let Some(producer) = &self.producer else {
            return Err(SinkError::Lost);
        };
        let headers = convert::fold(envelope);
        let len = envelope.payload.as_ref().map_or(0, |payload| payload.len());
        let (tell, told) = oneshot::channel();
        let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(
            &envelope.address.name,
            Box::new(Tell(tell)),
        );
        record.key = envelope.key.as_deref();
        record.payload = envelope.payload.as_deref();
        record.timestamp = envelope.timestamp_ms;
        record.headers = headers;
        let begun = Instant::now();
        let context = producer.context();
        loop {
            let waited = begun.elapsed();
            context.undelivered.fetch_add(1, Ordering::Relaxed);
            let sent = producer.send(record);
            if sent.is_err() {
                context.undelivered.fetch_sub(1, Ordering::Relaxed);
            }
            match sent {
                Ok(()) => return Ok(Confirmation { told, len }),
                Err((KafkaError::MessageProduction(Code::QueueFull), _))
                    if waited >= self.config.send_timeout =>
                {
                    return Err(SinkError::QueueFull { waited });
                }
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) => record = back,
                Err((error, _)) => return Err(SinkError::new(error, len, self.message_max_bytes)),
            }
            // The queue counts a message until shortly after its delivery is told, hence the second look.
            let _ = timeout(FULL, context.delivered.notified()).await;
        }
    }
}

impl Drop for KafkaSink {
    fn drop(&mut self) {
        if let Some(producer) = self.producer.take() {
            discard(producer);
        }
    }
}

/// Drops a producer, which takes it up to half a second, where nobody waits for it.
fn discard(producer: ThreadedProducer<SinkContext>) {
    // Without a thread to spare it is dropped here, with the closure.
    let _ = std::thread::Builder::new().spawn(move || drop(producer));
}

impl Sink for KafkaSink {
    type Confirmation = Confirmation;
    type Error = SinkError;

    fn capabilities(&self) -> Capabilities {
        Capabilities { confirms: true, redelivers: true }
    }

    async fn send(&mut self, mut envelope: Envelope) -> Result<Confirmation, SinkError> {
        if self.producer.is_none() {
            let producer = self.client.create_with_context(SinkContext::default());
            self.producer = Some(producer.map_err(CreateError::from)?);
        }
        let result = self.enqueue(&mut envelope).await;
        if let Err(SinkError::Fatal(_)) = &result
            && let Some(producer) = self.producer.take()
        {
            discard(producer);
        }
        result
    }

    async fn close(mut self) -> Result<(), SinkError> {
        let Some(producer) = self.producer.take() else {
            return Ok(());
        };
        let limit = self.config.close_timeout;
        let flush = tokio::task::spawn_blocking(move || {
            let result = producer.flush(limit);
            let undelivered = producer.context().undelivered.load(Ordering::Relaxed);
            result.map_err(|source| SinkError::Flush { undelivered, source })
        });
        flush.await.unwrap_or(Err(SinkError::Lost))
    }
}

/// Tells confirmations how their messages fared.
#[derive(Debug, Default)]
struct SinkContext {
    delivered: Notify,
    /// rdkafka's own count has events in it that are no messages.
    undelivered: AtomicUsize,
}

/// The far end of a [`Confirmation`].
struct Tell(oneshot::Sender<Result<(), KafkaError>>);

impl ClientContext for SinkContext {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        super::log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka sink");
    }
}

impl ProducerContext for SinkContext {
    type DeliveryOpaque = Box<Tell>;

    fn delivery(&self, result: &DeliveryResult<'_>, tell: Box<Tell>) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        // Nobody waits where the confirmation was dropped.
        let _ = tell.0.send(result);
        self.undelivered.fetch_sub(1, Ordering::Relaxed);
        self.delivered.notify_one();
    }
}

/// Resolves when the broker has accepted the message, or has not.
#[derive(Debug)]
#[must_use = "the delivery is only known once this is awaited"]
pub struct Confirmation {
    told: oneshot::Receiver<Result<(), KafkaError>>,
    len: usize,
}

impl Future for Confirmation {
    type Output = Result<(), SinkError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.told).poll(cx).map(|told| {
            match told.unwrap_or(Err(KafkaError::Canceled)) {
                Ok(()) => Ok(()),
                Err(KafkaError::Canceled) => Err(SinkError::Lost),
                // The client's own limit is judged before a message is enqueued, so this one is the broker's.
                Err(error) => Err(SinkError::new(error, self.len, None)),
            }
        })
    }
}
