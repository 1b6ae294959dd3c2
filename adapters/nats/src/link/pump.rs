//! Reads a consumer ahead, from finding it until it fails.

use std::sync::Arc;

use async_nats::Client;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{Context, Message};
use futures_util::{FutureExt as _, StreamExt as _};
use m2m_engine::bus::Delivery;
use tokio::sync::{mpsc, oneshot};

use super::binding::bind;
use super::ledger::Ledger;
use super::mapping;
use super::order::{Order, Place};
use super::receipt::StreamReceipt;
use super::stream_source::StreamSourceConfig;
use crate::error::SourceError;
use crate::identity;

/// The most messages that are asked for at a time.
const PULL: usize = 500;

/// A delivery, or the error that ends the pump.
pub(super) type Item = Result<Delivery<StreamReceipt>, SourceError>;

pub(super) struct Pump {
    client: Client,
    context: Context,
    config: StreamSourceConfig,
    ledger: Arc<Ledger>,
    out: mpsc::Sender<Item>,
}

impl Pump {
    pub(super) fn new(
        context: Context,
        config: StreamSourceConfig,
        ledger: Arc<Ledger>,
        out: mpsc::Sender<Item>,
    ) -> Self {
        Self { client: context.client(), context, config, ledger, out }
    }

    /// Runs until the source is closed, or the consumer fails: that error is the last thing sent.
    pub(super) async fn run(self, bound: oneshot::Sender<()>) {
        let consumer = tokio::select! {
            consumer = bind(&self.context, &self.config, self.ledger.resume()) => consumer,
            () = self.out.closed() => return,
        };
        let ended = match consumer {
            Ok(consumer) => self.pump(consumer, bound).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            // Where nobody takes it, the source is gone.
            self.out.send(Err(error)).await.ok();
        }
    }

    async fn pump(
        &self,
        consumer: PullConsumer,
        bound: oneshot::Sender<()>,
    ) -> Result<(), SourceError> {
        let found = consumer.cached_info();
        // With a list of back-offs, the first one counts.
        let ack_wait = found.config.backoff.first().copied().unwrap_or(found.config.ack_wait);
        self.ledger.found(ack_wait, found.delivered.stream_sequence);
        let (keep, here) = (self.config.keep_order, self.ledger.len());
        let mut order = Order::new(keep, found, ack_wait, here, self.client.statistics());
        let mut messages = self.pull(&consumer).await?;
        // Where nobody waits for it, the source was not asked to be ready.
        bound.send(()).ok();
        loop {
            let next = tokio::select! {
                next = messages.next() => next,
                () = order.overdue() => {
                    self.forward(order.release()).await;
                    continue;
                }
                () = self.out.closed() => break,
            };
            match next {
                Some(Ok(message)) => {
                    let Some(place) = place(&message) else { continue };
                    order.saw(place);
                    if let Some(delivery) = self.delivery(place, message) {
                        self.forward(order.pass(place, delivery)).await;
                    }
                }
                Some(Err(source)) => {
                    let durable = self.config.durable.clone();
                    return Err(SourceError::Messages { durable, source });
                }
                None => return Err(SourceError::Ended),
            }
        }
        self.give_back(messages, order).await;
        Ok(())
    }

    async fn pull(&self, consumer: &PullConsumer) -> Result<pull::Stream, SourceError> {
        let limits = &consumer.cached_info().config;
        let batch = [limits.max_ack_pending, limits.max_batch]
            .into_iter()
            .filter_map(|limit| usize::try_from(limit).ok().filter(|limit| *limit > 0))
            .fold(PULL, usize::min);
        let messages = consumer
            .stream()
            .max_messages_per_batch(batch)
            .heartbeat(self.config.heartbeat)
            .messages()
            .await;
        let durable = || self.config.durable.clone();
        messages.map_err(|source| SourceError::Pull { durable: durable(), source })
    }

    async fn forward(&self, deliveries: impl Iterator<Item = Delivery<StreamReceipt>>) {
        for delivery in deliveries {
            if let Err(mpsc::error::SendError(Ok(delivery))) = self.out.send(Ok(delivery)).await {
                delivery.receipt.ticket.give_back().await;
            }
        }
    }

    /// Leaves to the next consumer what is here and was not handed out.
    async fn give_back(
        &self,
        mut messages: pull::Stream,
        mut order: Order<Delivery<StreamReceipt>>,
    ) {
        for delivery in order.release() {
            delivery.receipt.ticket.give_back().await;
        }
        while let Some(Some(Ok(message))) = messages.next().now_or_never() {
            let delivery = place(&message).and_then(|place| self.delivery(place, message));
            if let Some(delivery) = delivery {
                delivery.receipt.ticket.give_back().await;
            }
        }
    }

    /// `None` when the message is not to be handed out (once more).
    fn delivery(&self, place: Place, message: Message) -> Option<Delivery<StreamReceipt>> {
        let identity = message.info().ok().map(|info| identity::of(&info));
        let mut message = message.message;
        let ticket = self.ledger.enter(place.sequence, place.published, message.reply.take()?)?;
        let mut envelope = mapping::envelope(message);
        envelope.identity = identity;
        envelope.timestamp_ms = i64::try_from(place.published.div_euclid(1_000_000)).ok();
        let (nack_delay, redeliveries) = (self.config.nack_delay, place.redeliveries);
        Some(Delivery {
            envelope: mapping::unfold(envelope, mapping::STREAM),
            receipt: StreamReceipt { ticket, nack_delay, redeliveries },
        })
    }
}

/// `None` for what no consumer delivers: a message without an acknowledgement address.
fn place(message: &Message) -> Option<Place> {
    let info = message.info().ok()?;
    Some(Place {
        sequence: info.stream_sequence,
        delivery: info.consumer_sequence,
        redeliveries: u32::try_from(info.delivered.saturating_sub(1)).unwrap_or(0),
        published: info.published.unix_timestamp_nanos(),
    })
}
