//! Settles one delivery of a stream.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::{Client, Request, Subject};
use m2m_engine::bus::Receipt;

use super::outstanding::Ticket;
use crate::error::SettleError;

/// How often a nack delay doubles at most: from one second to half a minute.
const DOUBLINGS: u32 = 5;

/// Settles a delivery and waits for the server to confirm that. Many can be under way at once.
#[derive(Debug)]
pub struct StreamReceipt {
    pub(super) ticket: Ticket,
    pub(super) client: Client,
    pub(super) reply: Subject,
    pub(super) ack_timeout: Duration,
    pub(super) nack_delay: Duration,
    /// How often it has been delivered before.
    pub(super) redeliveries: u32,
}

impl StreamReceipt {
    /// Leaves the message to the next consumer, at once. That it was told is not waited for.
    pub(super) async fn give_back(self) {
        drop(self.ticket);
        // Where it fails, the message comes again later.
        self.client.publish(self.reply, AckKind::Nak(None).into()).await.ok();
    }
}

/// As the client's own `double_ack`, without a subscription of its own for each answer.
async fn settle(
    client: Client,
    reply: Subject,
    kind: AckKind,
    timeout: Duration,
) -> Result<(), SettleError> {
    let request = Request::new().payload(kind.into()).timeout(Some(timeout));
    client.send_request(reply, request).await.map_err(SettleError::Request)?;
    Ok(())
}

impl Receipt for StreamReceipt {
    type Error = SettleError;

    async fn ack(self) -> Result<(), SettleError> {
        let Self { ticket, client, reply, ack_timeout, .. } = self;
        settle(client, reply, AckKind::Ack, ack_timeout).await?;
        ticket.done();
        Ok(())
    }

    async fn nack(self) -> Result<(), SettleError> {
        let delay = self.nack_delay * 2_u32.pow(self.redeliveries.min(DOUBLINGS));
        // First: a progress report behind it would put the redelivery off.
        drop(self.ticket);
        settle(self.client, self.reply, AckKind::Nak(Some(delay)), self.ack_timeout).await
    }
}
