//! Source and sink on raw frames, for the relay and the audit.

use std::future::{Ready, ready};

use m2m_engine::bus::{self, Capabilities, Delivery, Envelope, Native, Sink, Source, headers};

use crate::error::{RecvError, SendError, SettleError, SubscribeError};
use crate::queue::Claim;
use crate::{Bus, Message, Published, Subscription};

/// An envelope is what the bus carries: nothing has to go into headers.
const NATIVE: Native =
    Native { key: true, tombstone: true, properties: true, reply_to: true, timestamp: true };

const CAPABILITIES: Capabilities = Capabilities { confirms: true, redelivers: true };

/// The most messages that one `recv` gives.
const BATCH: usize = 64;

impl Bus {
    /// What `group` gets from `subject`, which may have wildcards, for a relay. The group is there when this returns.
    ///
    /// # Errors
    /// When the subject cannot be, or the bus is closed.
    pub fn source(&self, subject: &str, group: &str) -> Result<MemorySource, SubscribeError> {
        Ok(MemorySource { subscription: self.queue_subscribe(subject, group)? })
    }

    /// Takes messages from a relay, to the subjects in their addresses.
    #[must_use]
    pub fn sink(&self) -> MemorySink {
        MemorySink { bus: self.clone() }
    }
}

/// Gives the messages of a group.
#[derive(Debug)]
pub struct MemorySource {
    subscription: Subscription,
}

/// Settles a message of a [`MemorySource`]; dropped unsettled, the message counts as refused.
#[derive(Debug)]
pub struct MemoryReceipt(Claim);

impl bus::Receipt for MemoryReceipt {
    type Error = SettleError;

    async fn ack(self) -> Result<(), SettleError> {
        self.0.ack()
    }

    async fn nack(self) -> Result<(), SettleError> {
        self.0.nack()
    }
}

impl Source for MemorySource {
    type Receipt = MemoryReceipt;
    type Error = RecvError;

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn recv(&mut self) -> Result<Vec<Delivery<MemoryReceipt>>, RecvError> {
        let batch = self.subscription.recv_many(BATCH).await;
        let messages = batch.ok_or(RecvError::Closed)?;
        let deliver = |message: Message| {
            let (envelope, claim) = message.into_parts();
            Delivery { envelope, receipt: MemoryReceipt(claim) }
        };
        Ok(messages.into_iter().map(deliver).collect())
    }

    async fn close(self) -> Result<(), RecvError> {
        // What is unsettled goes back as the subscription is dropped.
        Ok(())
    }
}

/// Publishes the messages of a relay.
#[derive(Debug)]
pub struct MemorySink {
    bus: Bus,
}

impl Sink for MemorySink {
    type Confirmation = Ready<Result<(), SendError>>;
    type Error = SendError;

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn send(&mut self, mut envelope: Envelope) -> Result<Self::Confirmation, SendError> {
        // What another broker could only carry in headers, this one can express.
        headers::restore(&mut envelope.headers);
        envelope.unfold(NATIVE);
        let subject = envelope.address.name.clone();
        let Published { groups } =
            self.bus.publish(envelope).await.map_err(|unsent| unsent.source)?;
        if groups == 0 {
            return Err(SendError::NoGroup { subject });
        }
        // In the groups' queues is where a broker would confirm it.
        Ok(ready(Ok(())))
    }

    async fn close(self) -> Result<(), SendError> {
        Ok(())
    }
}
