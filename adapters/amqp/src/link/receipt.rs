use std::time::Duration;

use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::types::DeliveryTag;
use m2m_engine::bus::Receipt;
use tokio::time::timeout;

use super::error::SettleError;

/// How long lapin may take to write a frame. Where the connection is lost at that very moment it may never say anything (lapin 4.12).
const WRITTEN: Duration = Duration::from_secs(10);

/// Settles a delivery of a [`QueueSource`](super::QueueSource).
#[derive(Debug)]
pub struct QueueReceipt {
    /// The one that it came on: a delivery tag means nothing on another.
    pub(super) channel: lapin::Channel,
    pub(super) acker: Acker,
    pub(super) delivery_tag: DeliveryTag,
    pub(super) nack_delay: Duration,
}

impl Receipt for QueueReceipt {
    type Error = SettleError;

    /// Written in the order of calls: after a crash the broker then gives out again what was acknowledged last, not an earlier message behind
    /// later ones. The acker itself would have a task for each, in any order.
    async fn ack(self) -> Result<(), SettleError> {
        let Self { channel, acker, delivery_tag, .. } = self;
        settled(async {
            if !acker.usable() {
                return Ok(false);
            }
            channel.basic_ack(delivery_tag, BasicAckOptions::default()).await.map(|()| true)
        })
        .await
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
            if let Err(error) = settled(self.acker.nack(options)).await {
                tracing::debug!(error = %error, "given back by the end of its channel");
            }
        });
        Ok(())
    }
}

/// lapin answers `Ok(false)` on a closed channel.
async fn settled(done: impl Future<Output = lapin::Result<bool>>) -> Result<(), SettleError> {
    match timeout(WRITTEN, done).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(SettleError::ChannelClosed),
        Ok(Err(error)) => Err(SettleError::Amqp(error)),
        Err(_) => Err(SettleError::Unwritten { waited: WRITTEN }),
    }
}
