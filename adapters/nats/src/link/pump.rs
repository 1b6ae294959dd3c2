//! Reads a consumer ahead, from finding it until it fails.

use std::sync::Arc;

use async_nats::Client;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{Context, Message};
use futures_util::{FutureExt as _, StreamExt as _};
use m2m_engine::bus::Delivery;
use tokio::sync::{Notify, mpsc, watch};

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

/// A delivery, or the error behind which the source has to be asked again.
pub(super) type Item = Result<Delivery<StreamReceipt>, SourceError>;

/// The source has been closed.
struct Closed;

pub(super) struct Pump {
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) config: StreamSourceConfig,
    pub(super) ledger: Arc<Ledger>,
    pub(super) out: mpsc::Sender<Item>,
    /// Whether there is a consumer.
    pub(super) bound: watch::Sender<bool>,
    /// The source is asked again after an error.
    pub(super) asked: Arc<Notify>,
}

impl Pump {
    /// Runs until the source is closed.
    pub(super) async fn run(self) {
        let mut order = Order::new(self.config.keep_order, self.client.statistics());
        loop {
            let ended = self.bind_and_pump(&mut order).await;
            self.bound.send_replace(false);
            let Err(error) = ended else { break };
            // Where nobody takes it, the source is gone.
            if self.out.send(Err(error)).await.is_err() {
                break;
            }
            tokio::select! {
                () = self.asked.notified() => {}
                () = self.out.closed() => break,
            }
        }
        for delivery in order.release() {
            delivery.receipt.ticket.give_back().await;
        }
    }

    async fn bind_and_pump(
        &self,
        order: &mut Order<Delivery<StreamReceipt>>,
    ) -> Result<Closed, SourceError> {
        let (consumer, new) = tokio::select! {
            bound = bind(&self.context, &self.config, self.ledger.resume()) => bound?,
            () = self.out.closed() => return Ok(Closed),
        };
        let found = consumer.cached_info();
        // With a list of back-offs, the first one counts.
        let ack_wait = found.config.backoff.first().copied().unwrap_or(found.config.ack_wait);
        order.found(found, ack_wait, self.ledger.reached());
        self.ledger.found(ack_wait, found.delivered.stream_sequence, new);
        let mut messages = self.pull(&consumer).await?;
        self.bound.send_replace(true);
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
        self.give_back(messages).await;
        Ok(Closed)
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

    /// Leaves to the next consumer what has arrived and was not looked at.
    async fn give_back(&self, mut messages: pull::Stream) {
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
