//! A JetStream stream as a source: a durable pull consumer, read ahead in the background.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::DeliverPolicy;
use m2m_engine::bus::{Capabilities, Delivery, Source};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::flush;
use super::ledger::Ledger;
use super::pump::{Item, Pump};
use super::receipt::StreamReceipt;
use crate::error::SourceError;

/// The most messages that one `recv` gives.
const BATCH: usize = 256;

/// What a [`StreamSource`] reads, and how.
#[derive(Debug, Clone)]
pub struct StreamSourceConfig {
    /// The stream.
    pub stream: String,
    /// The durable pull consumer. One that is there is used as it is; else one is created from what follows.
    pub durable: String,
    /// Only these subjects; all of the stream's when empty. An existing consumer must have the same, unless this is empty.
    pub filter_subjects: Vec<String>,
    /// Where a new consumer begins; at the stream's first message unless told otherwise. So does one that takes the place of one
    /// that has vanished, with one exception: instead of at what is new or last then, it goes on where the old one stood.
    pub deliver_policy: DeliverPolicy,
    /// After how long without a sign of life the server delivers again; 10 seconds unless told otherwise. Work that takes longer is
    /// fine: while a receipt exists, the server is told that it is in progress.
    pub ack_wait: Duration,
    /// How many messages may be unacknowledged, those read ahead included, and with `keep_order` those whose turn to be acknowledged has
    /// not come; 1,000 unless told otherwise.
    pub max_in_flight: usize,
    /// How long the server may take to confirm an acknowledgement; 5 seconds unless told otherwise.
    pub ack_timeout: Duration,
    /// After how long a refused message comes again: a second unless told otherwise, doubled with each redelivery up to 32 times that.
    pub nack_delay: Duration,
    /// How often the server says that the consumer is alive; 5 seconds unless told otherwise. After twice that in silence the
    /// consumer is looked for anew.
    pub heartbeat: Duration,
    /// Whether the stream's order is kept across lost connections and crashes; it is unless told otherwise. Then messages are
    /// acknowledged in that order, whatever the order in which their receipts are (so that after a crash everything from the first one
    /// in work on comes again), and what was lost on the way is waited for, up to `ack_wait`, before later messages are handed out.
    pub keep_order: bool,
}

impl Default for StreamSourceConfig {
    fn default() -> Self {
        Self {
            stream: String::new(),
            durable: String::new(),
            filter_subjects: Vec::new(),
            deliver_policy: DeliverPolicy::All,
            ack_wait: Duration::from_secs(10),
            max_in_flight: 1000,
            ack_timeout: Duration::from_secs(5),
            nack_delay: Duration::from_secs(1),
            heartbeat: Duration::from_secs(5),
            keep_order: true,
        }
    }
}

/// Messages of a stream, by a durable consumer.
#[derive(Debug)]
pub struct StreamSource {
    context: Context,
    config: StreamSourceConfig,
    ledger: Arc<Ledger>,
    keeping: Option<AbortOnDropHandle<()>>,
    feed: Option<Feed>,
    /// Met behind messages that had to be given first.
    failed: Option<SourceError>,
}

#[derive(Debug)]
struct Feed {
    items: mpsc::Receiver<Item>,
    bound: Option<oneshot::Receiver<()>>,
    pumping: AbortOnDropHandle<()>,
}

impl StreamSource {
    /// A source that looks for its consumer when it is first asked for messages, or when it is told to be [`StreamSource::ready`].
    #[must_use]
    pub fn new(context: Context, config: StreamSourceConfig) -> Self {
        let StreamSourceConfig { keep_order, ack_wait, ack_timeout, .. } = config;
        let ledger = Ledger::new(context.client(), keep_order, ack_wait, ack_timeout);
        Self { context, config, ledger: Arc::new(ledger), keeping: None, feed: None, failed: None }
    }

    /// Finds or creates the consumer.
    ///
    /// # Errors
    /// When that fails.
    pub async fn ready(&mut self) -> Result<(), SourceError> {
        let feed = self.feed();
        if let Some(bound) = &mut feed.bound {
            let found = bound.await.is_ok();
            feed.bound = None;
            // Without a consumer the error is all that there is.
            if !found && let Some(Err(error)) = feed.items.recv().await {
                self.feed = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn feed(&mut self) -> &mut Feed {
        let ledger = &self.ledger;
        self.keeping
            .get_or_insert_with(|| AbortOnDropHandle::new(tokio::spawn(Arc::clone(ledger).keep())));
        self.feed.get_or_insert_with(|| {
            let (out, items) = mpsc::channel(self.config.max_in_flight.max(1));
            let (binding, bound) = oneshot::channel();
            let pump =
                Pump::new(self.context.clone(), self.config.clone(), Arc::clone(ledger), out);
            let pumping = AbortOnDropHandle::new(tokio::spawn(pump.run(binding)));
            Feed { items, bound: Some(bound), pumping }
        })
    }
}

impl Source for StreamSource {
    type Receipt = StreamReceipt;
    type Error = SourceError;

    fn capabilities(&self) -> Capabilities {
        Capabilities { confirms: true, redelivers: true }
    }

    async fn recv(&mut self) -> Result<Vec<Delivery<StreamReceipt>>, SourceError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut items = Vec::new();
        let count = self.feed().items.recv_many(&mut items, BATCH).await;
        let mut batch = Vec::with_capacity(count);
        for item in items {
            match item {
                Ok(delivery) => batch.push(delivery),
                // Always the last one.
                Err(error) => self.failed = Some(error),
            }
        }
        if count == 0 || self.failed.is_some() {
            // The next call begins anew.
            self.feed = None;
        }
        if batch.is_empty() {
            return Err(self.failed.take().unwrap_or(SourceError::Ended));
        }
        Ok(batch)
    }

    async fn close(mut self) -> Result<(), SourceError> {
        if let Some(Feed { mut items, pumping, .. }) = self.feed.take() {
            // What was read ahead goes back at once. The rest follows when its receipts are dropped and the server has waited.
            items.close();
            while let Some(item) = items.recv().await {
                if let Ok(delivery) = item {
                    delivery.receipt.ticket.give_back().await;
                }
            }
            drop(tokio::time::timeout(self.config.ack_timeout, pumping).await);
        }
        self.ledger.tell_all().await;
        flush(&self.context.client()).await.map_err(SourceError::Flush)
    }
}
