//! A core subject as a source: messages that nobody keeps.

use std::time::Duration;

use async_nats::{Client, Message, Request, Subject, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use m2m_engine::bus::{Capabilities, Delivery, Receipt, Source};

use super::mapping::{self, CORE};
use super::{NOTHING, flush};
use crate::error::{SettleError, SourceError};

/// The most messages that one `recv` gives.
const BATCH: usize = 256;
const ROUND_TRIP: Duration = Duration::from_secs(2);

/// Messages of a subject, as they come by. What is not read in time is dropped by the client, which keeps 65,536 messages unless told
/// otherwise (`ConnectOptions::subscription_capacity`).
#[derive(Debug)]
pub struct CoreSource {
    client: Client,
    subject: String,
    queue_group: Option<String>,
    subscriber: Option<Subscriber>,
}

impl CoreSource {
    /// A source that subscribes when it is first asked for messages, or when it is told to be [`CoreSource::ready`].
    #[must_use]
    pub fn new(client: Client, subject: impl Into<String>, queue_group: Option<String>) -> Self {
        Self { client, subject: subject.into(), queue_group, subscriber: None }
    }

    /// Subscribes, and waits until the server knows of it: what is published after this is received.
    ///
    /// # Errors
    /// When the subscription is refused.
    pub async fn ready(&mut self) -> Result<(), SourceError> {
        self.subscribe().await?;
        // Nobody listens there, so the server answers at once, after all that it was told before.
        let request = Request::new().timeout(Some(ROUND_TRIP));
        drop(self.client.send_request(self.client.new_inbox(), request).await);
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<&mut Subscriber, SourceError> {
        let subscriber = match self.subscriber.take() {
            Some(subscriber) => subscriber,
            None => {
                let subject = self.subject.clone();
                let subscribed = match self.queue_group.clone() {
                    Some(group) => self.client.queue_subscribe(subject, group).await,
                    None => self.client.subscribe(subject).await,
                };
                subscribed.map_err(|source| SourceError::Subscribe {
                    subject: self.subject.clone(),
                    source,
                })?
            }
        };
        Ok(self.subscriber.insert(subscriber))
    }
}

impl Source for CoreSource {
    type Receipt = CoreReceipt;
    type Error = SourceError;

    fn capabilities(&self) -> Capabilities {
        NOTHING
    }

    async fn recv(&mut self) -> Result<Vec<Delivery<CoreReceipt>>, SourceError> {
        let subscriber = self.subscribe().await?;
        let mut batch = Vec::new();
        while batch.is_empty() {
            let Some(message) = subscriber.next().await else {
                self.subscriber = None;
                return Err(SourceError::Ended);
            };
            batch.extend(delivery(message));
            // What is here already; an end is met again by the next call.
            while batch.len() < BATCH
                && let Some(Some(message)) = subscriber.next().now_or_never()
            {
                batch.extend(delivery(message));
            }
        }
        Ok(batch)
    }

    async fn close(mut self) -> Result<(), SourceError> {
        if let Some(mut subscriber) = self.subscriber.take() {
            // It fails where the client is closed, and the subscription with it.
            subscriber.unsubscribe().await.ok();
        }
        flush(&self.client).await.map_err(SourceError::Flush)
    }
}

/// `None` for what is the server's own affair (a status).
fn delivery(mut message: Message) -> Option<Delivery<CoreReceipt>> {
    if message.status.is_some() {
        return None;
    }
    let reply = message.reply.take();
    let mut envelope = mapping::envelope(message);
    // That of a JetStream push consumer's delivery is the address of its acknowledgement.
    envelope.properties.reply_to =
        reply.filter(|reply| !reply.starts_with("$JS.ACK.")).map(Subject::into_string);
    Some(Delivery { envelope: mapping::unfold(envelope, CORE), receipt: CoreReceipt(()) })
}

/// Settles nothing: core NATS keeps no messages.
#[derive(Debug)]
pub struct CoreReceipt(());

impl Receipt for CoreReceipt {
    type Error = SettleError;

    async fn ack(self) -> Result<(), SettleError> {
        Ok(())
    }

    async fn nack(self) -> Result<(), SettleError> {
        Ok(())
    }
}
