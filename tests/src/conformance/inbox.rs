//! Waiting with a deadline, and taking messages one at a time.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use m2m_engine::bus::{Address, Delivery, Envelope, Receipt, Sink, Source};
use m2m_engine::error::{Classify, Transience};

use super::{Arrival, Consumer, Note};

/// Far longer than anything here takes; it turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long nothing may arrive before it counts as absent.
const SILENCE: Duration = Duration::from_millis(500);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Waits for `future`, but not for ever.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(DEADLINE, future)
        .await
        .with_context(|| format!("not within {DEADLINE:?}: {what}"))
}

/// A source, read one message at a time.
pub(super) struct Inbox<S: Source> {
    source: S,
    waiting: VecDeque<Delivery<S::Receipt>>,
}

impl<S: Source> Inbox<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, waiting: VecDeque::new() }
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Result<Delivery<S::Receipt>> {
        within("the source gives a message", async {
            loop {
                if let Some(delivery) = self.waiting.pop_front() {
                    return Ok(delivery);
                }
                match self.source.recv().await {
                    Ok(batch) if batch.is_empty() => bail!("the source gave an empty batch"),
                    Ok(batch) => self.waiting.extend(batch),
                    // As the relay does it: a source reconnects when called again.
                    Err(error) if error.transience() == Transience::Transient => {
                        tokio::time::sleep(BETWEEN_TRIES).await;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        })
        .await?
    }

    /// The next `count` messages, unsettled.
    pub(super) async fn take(&mut self, count: usize) -> Result<Vec<Delivery<S::Receipt>>> {
        let mut deliveries = Vec::new();
        while deliveries.len() < count {
            let had = deliveries.len();
            let delivery = self.next().await;
            deliveries.push(delivery.with_context(|| format!("{had} of {count} came"))?);
        }
        Ok(deliveries)
    }

    /// The next message, acknowledged.
    pub(super) async fn take_one(&mut self) -> Result<Envelope> {
        let Delivery { envelope, receipt } = self.next().await?;
        within("a message is acknowledged", receipt.ack()).await??;
        Ok(envelope)
    }

    /// Fails if a message arrives in the time in which one would.
    pub(super) async fn expect_silence(&mut self) -> Result<()> {
        if self.waiting.is_empty()
            && let Ok(batch) = tokio::time::timeout(SILENCE, self.source.recv()).await
        {
            self.waiting.extend(batch?);
        }
        match self.waiting.front() {
            None => Ok(()),
            Some(delivery) => bail!("one too many: {:?}", delivery.envelope),
        }
    }

    /// The source, and what it gave that was not taken.
    pub(super) fn into_parts(self) -> (S, Vec<Delivery<S::Receipt>>) {
        (self.source, self.waiting.into())
    }
}

/// Sends one message and waits for the broker to have it.
pub(super) async fn send<S: Sink>(sink: &mut S, envelope: Envelope) -> Result<()> {
    let confirmation = within("the sink takes a message", sink.send(envelope)).await??;
    within("the broker confirms a message", confirmation).await??;
    Ok(())
}

/// A message that is known again by its number.
pub(super) fn numbered(address: &Address, number: usize) -> Envelope {
    Envelope {
        address: address.clone(),
        payload: Some(Bytes::from(number.to_string())),
        ..Envelope::default()
    }
}

/// The number of a message that [`numbered`] made.
pub(super) fn number(envelope: &Envelope) -> Result<usize> {
    let payload = envelope.payload.as_deref().context("a null payload")?;
    let text = std::str::from_utf8(payload).context("not one of ours")?;
    text.parse().context("not one of ours")
}

/// The next message of a client, acknowledged; an unopenable one is a failure.
pub(super) async fn next_note(consumer: &mut impl Consumer) -> Result<Note> {
    match within("the consumer gives a message", consumer.next()).await?? {
        Arrival::Opened(note) => {
            within("a message is acknowledged", consumer.ack()).await??;
            Ok(note)
        }
        Arrival::Unopenable { text, .. } => bail!("it was not opened: {text}"),
    }
}

/// The payload of the next message of a client, which the engine refused, acknowledged.
pub(super) async fn refused(consumer: &mut impl Consumer) -> Result<Option<Bytes>> {
    match within("the consumer gives a message", consumer.next()).await?? {
        Arrival::Opened(note) => bail!("it was opened: {note:?}"),
        Arrival::Unopenable { raw, by_engine, text } => {
            ensure!(by_engine, "the engine's error is not its source: {text}");
            within("a message is acknowledged", consumer.ack()).await??;
            Ok(raw)
        }
    }
}
