//! Agents at work: each publishes its script, in order.

use std::sync::Arc;
use std::time::Duration;

use m2m_engine::WrapError;
use tokio::time::{MissedTickBehavior, interval};

use crate::buses::Outlet;
use crate::ledger::Ledger;
use crate::routing::Routing;
use crate::traffic::Script;

/// What all producers share.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) outlet: Outlet,
    /// What subjects begin with.
    pub(crate) prefix: String,
    pub(crate) routing: Arc<Routing>,
    pub(crate) ledger: Arc<Ledger>,
    /// How long each script is to take, so that one can watch.
    pub(crate) pace: Option<Duration>,
}

impl Desk {
    /// Publishes the script of the producer with this number.
    pub(crate) async fn produce(self, producer: usize, script: Script) -> anyhow::Result<()> {
        let count = u32::try_from(script.len.max(1)).unwrap_or(u32::MAX);
        let mut ticks = self.pace.map(|pace| {
            let mut ticks = interval((pace / count).max(Duration::from_nanos(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            ticks
        });
        for message in script.messages {
            let message = message?;
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            let destination = self.routing.destination(&message.payload)?;
            let id = self.ledger.enter(producer, destination, &message);
            let subject = format!("{}.{}", self.prefix, message.conversation);
            match self.outlet.publish(subject, id, message.payload).await {
                Ok(()) => self.ledger.sent(producer),
                Err(error) => match error.chain().find_map(|cause| cause.downcast_ref()) {
                    Some(WrapError::Blocked { .. }) => self.ledger.blocked(producer),
                    Some(WrapError::PayloadTooLong { .. } | WrapError::FrameTooLong { .. }) => {
                        self.ledger.too_long(producer);
                    }
                    _ => self.ledger.unsent(&error),
                },
            }
        }
        Ok(())
    }
}
