use m2m_engine::bus::Envelope;

use crate::error::SettleError;
use crate::queue::{Claim, Taken};

/// A message from the bus, to be settled once. Dropped unsettled, it counts as refused.
#[derive(Debug)]
pub struct Message {
    /// Where it was published to, its payload and all that came with it.
    pub envelope: Envelope,
    claim: Claim,
}

impl Message {
    /// Tells the bus that the message is done with.
    ///
    /// # Errors
    /// When it is no longer this consumer's: another one gets it.
    pub fn ack(self) -> Result<(), SettleError> {
        self.claim.ack()
    }

    /// Asks for the message again, after [`crate::BusConfig::redelivery_delay`], here or at another member of the group.
    ///
    /// # Errors
    /// When it is no longer this consumer's: another one gets it anyway.
    pub fn nack(self) -> Result<(), SettleError> {
        self.claim.nack()
    }

    /// How often it was delivered before.
    #[must_use]
    pub fn redelivered(&self) -> u32 {
        self.claim.delivery().saturating_sub(1)
    }

    pub(crate) fn into_parts(self) -> (Envelope, Claim) {
        (self.envelope, self.claim)
    }
}

impl From<Taken> for Message {
    fn from(Taken { envelope, claim }: Taken) -> Self {
        Self { envelope, claim }
    }
}
