use std::time::Duration;

use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use m2m_engine::bus::Receipt;

use super::error::SettleError;

/// Settles a delivery of a [`QueueSource`](super::QueueSource).
#[derive(Debug)]
pub struct QueueReceipt {
    pub(super) acker: Acker,
    pub(super) nack_delay: Duration,
}

impl Receipt for QueueReceipt {
    type Error = SettleError;

    async fn ack(self) -> Result<(), SettleError> {
        settled(self.acker.ack(BasicAckOptions::default()).await)
    }

    /// Gives the message back to its queue after a while, so that one that nobody can handle does not go round without a rest. Nobody waits
    /// for it: a channel lost meanwhile gives it back as well.
    async fn nack(self) -> Result<(), SettleError> {
        if self.acker.poisoned() {
            return Err(SettleError::ChannelClosed);
        }
        tokio::spawn(async move {
            tokio::time::sleep(self.nack_delay).await;
            let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            if let Err(error) = settled(self.acker.nack(options).await) {
                tracing::debug!(error = %error, "given back by the end of its channel");
            }
        });
        Ok(())
    }
}

/// lapin answers `Ok(false)` on a closed channel.
fn settled(done: lapin::Result<bool>) -> Result<(), SettleError> {
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(SettleError::ChannelClosed),
        Err(error) => Err(SettleError::Amqp(error)),
    }
}
