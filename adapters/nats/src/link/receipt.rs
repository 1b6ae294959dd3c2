//! Settles one delivery of a stream.

use std::time::Duration;

use m2m_engine::bus::Receipt;

use super::ledger::Ticket;
use crate::error::SettleError;

/// How often a nack delay doubles at most: from one second to half a minute.
const DOUBLINGS: u32 = 5;

/// Settles a delivery. Many can be under way at once, in any order.
#[derive(Debug)]
pub struct StreamReceipt {
    pub(super) ticket: Ticket,
    pub(super) nack_delay: Duration,
    /// How often it has been delivered before.
    pub(super) redeliveries: u32,
}

impl Receipt for StreamReceipt {
    type Error = SettleError;

    /// Waits for the server to confirm it; where the source keeps the order and earlier deliveries are in work, the server is told after
    /// those. Not confirmed, it is told again, for as long as the source lives.
    async fn ack(self) -> Result<(), SettleError> {
        self.ticket.ack().await
    }

    async fn nack(self) -> Result<(), SettleError> {
        let delay = self.nack_delay * 2_u32.pow(self.redeliveries.min(DOUBLINGS));
        self.ticket.nack(delay).await
    }
}
