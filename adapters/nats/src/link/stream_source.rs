//! A JetStream stream as a source: a durable pull consumer, read ahead in the background.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::DeliverPolicy;
use m2m_engine::bus::{Capabilities, Delivery, Source};
use tokio::sync::{Notify, mpsc, watch};
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
    feed: Option<Feed>,
    /// Taken from the feed, and not given yet.
    taken: VecDeque<Item>,
    /// An error was given, and the feed waits to be asked again.
    resting: bool,
}

#[derive(Debug)]
struct Feed {
    items: mpsc::Receiver<Item>,
    bound: watch::Receiver<bool>,
    asked: Arc<Notify>,
    pumping: AbortOnDropHandle<()>,
    _keeping: AbortOnDropHandle<()>,
}

impl StreamSource {
    /// A source that looks for its consumer when it is first asked for messages, or when it is told to be [`StreamSource::ready`].
    #[must_use]
    pub fn new(context: Context, config: StreamSourceConfig) -> Self {
        let StreamSourceConfig { keep_order, ack_wait, ack_timeout, .. } = config;
        let ledger = Ledger::new(context.client(), keep_order, ack_wait, ack_timeout);
        let (ledger, taken) = (Arc::new(ledger), VecDeque::new());
        Self { context, config, ledger, feed: None, taken, resting: false }
    }

    /// Finds or creates the consumer.
    ///
    /// # Errors
    /// When that fails.
    pub async fn ready(&mut self) -> Result<(), SourceError> {
        loop {
            let feed = self.feed();
            let item = tokio::select! {
                biased;
                bound = feed.bound.wait_for(|bound| *bound) => match bound {
                    Ok(_) => return Ok(()),
                    Err(_) => None,
                },
                item = feed.items.recv() => item,
            };
            match item {
                Some(Ok(delivery)) => self.taken.push_back(Ok(delivery)),
                Some(Err(error)) => return Err(self.rest(error)),
                None => {
                    self.feed = None;
                    return Err(SourceError::Ended);
                }
            }
        }
    }

    fn feed(&mut self) -> &mut Feed {
        let feed = match self.feed.take() {
            Some(feed) => feed,
            None => self.start(),
        };
        if std::mem::take(&mut self.resting) {
            feed.asked.notify_one();
        }
        self.feed.insert(feed)
    }

    fn start(&self) -> Feed {
        let (out, items) = mpsc::channel(self.config.max_in_flight.max(1));
        let (binding, bound) = watch::channel(false);
        let (ledger, asked) = (Arc::clone(&self.ledger), Arc::new(Notify::new()));
        let keeping = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&ledger).keep()));
        let pump = Pump {
            client: self.context.client(),
            context: self.context.clone(),
            config: self.config.clone(),
            ledger,
            out,
            bound: binding,
            asked: Arc::clone(&asked),
        };
        let pumping = AbortOnDropHandle::new(tokio::spawn(pump.run()));
        Feed { items, bound, asked, pumping, _keeping: keeping }
    }

    fn rest(&mut self, error: SourceError) -> SourceError {
        self.resting = true;
        error
    }
}

impl Source for StreamSource {
    type Receipt = StreamReceipt;
    type Error = SourceError;

    fn capabilities(&self) -> Capabilities {
        Capabilities { confirms: true, redelivers: true }
    }

    async fn recv(&mut self) -> Result<Vec<Delivery<StreamReceipt>>, SourceError> {
        if self.taken.is_empty() {
            let mut items = Vec::new();
            if self.feed().items.recv_many(&mut items, BATCH).await == 0 {
                self.feed = None;
                return Err(SourceError::Ended);
            }
            self.taken.extend(items);
        }
        let mut batch = Vec::with_capacity(self.taken.len());
        while let Some(item) = self.taken.pop_front() {
            match item {
                Ok(delivery) => batch.push(delivery),
                Err(error) if batch.is_empty() => return Err(self.rest(error)),
                // First what came before it.
                Err(error) => {
                    self.taken.push_front(Err(error));
                    break;
                }
            }
        }
        Ok(batch)
    }

    async fn close(mut self) -> Result<(), SourceError> {
        let mut unread: Vec<Item> = self.taken.drain(..).collect();
        if let Some(Feed { mut items, pumping, _keeping, .. }) = self.feed.take() {
            items.close();
            while let Some(item) = items.recv().await {
                unread.push(item);
            }
            drop(tokio::time::timeout(self.config.ack_timeout, pumping).await);
        }
        // What was read ahead goes back at once. The rest follows when its receipts are dropped and the server has waited.
        for delivery in unread.into_iter().flatten() {
            delivery.receipt.ticket.give_back().await;
        }
        self.ledger.tell_all().await;
        flush(&self.context.client()).await.map_err(SourceError::Flush)
    }
}
