//! Which messages came before: those of the last while, in bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::Replay;

/// How far a sender's clock may be ahead.
const AHEAD: Duration = Duration::from_mins(1);

/// Why a message is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It came before.
    Repeated,
    /// It was sent so long ago that whether it came before is not remembered.
    Stale { age: Duration, window: Duration },
    /// It was sent in the future.
    Early { ahead: Duration },
}

/// What tells a message from all others: when it was sent (in milliseconds), and its random id. Ordered by time, so that the oldest
/// is forgotten first.
type Sent = (u64, [u8; 16]);

/// What a broker's identity of a message is remembered as.
type Identity = [u8; 16];

#[derive(Debug)]
pub(super) struct Window {
    age: u64,
    capacity: usize,
    seen: BTreeMap<Sent, Option<Identity>>,
    /// What was sent at this time or before is not remembered any more.
    forgotten: Option<u64>,
}

/// A message to judge; only one whose stamp was verified, so that nobody else can fill the window.
pub(super) struct Arrival<'a> {
    pub(super) sent: Sent,
    /// In milliseconds, by the consumer's clock.
    pub(super) now: u64,
    pub(super) identity: Option<&'a str>,
    pub(super) redelivered: bool,
}

impl Window {
    pub(super) fn new(config: Replay) -> Self {
        Self {
            age: millis(config.age),
            capacity: config.capacity.max(1),
            seen: BTreeMap::new(),
            forgotten: None,
        }
    }

    /// Lets a message through that did not come before, or that the broker delivers again.
    pub(super) fn admit(&mut self, arrival: &Arrival<'_>) -> Result<(), Refused> {
        let Arrival { sent, now, redelivered, .. } = *arrival;
        let identity = arrival.identity.map(digest);
        if let Some(known) = self.seen.get(&sent) {
            let same = match (known, &identity) {
                (Some(known), Some(identity)) => known == identity,
                // A broker that has no identities, and says so much at least.
                (None, _) | (_, None) => redelivered,
            };
            return if same { Ok(()) } else { Err(Refused::Repeated) };
        }
        let oldest = now.saturating_sub(self.age);
        let (time, _) = sent;
        if time < oldest || self.forgotten.is_some_and(|forgotten| time <= forgotten) {
            let begin = self.forgotten.map_or(oldest, |forgotten| forgotten.max(oldest));
            let ago = |time: u64| Duration::from_millis(now.saturating_sub(time));
            return Err(Refused::Stale { age: ago(time), window: ago(begin) });
        }
        let ahead = Duration::from_millis(time.saturating_sub(now));
        if ahead > AHEAD {
            return Err(Refused::Early { ahead });
        }
        self.seen.insert(sent, identity);
        self.forget(oldest);
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    fn forget(&mut self, oldest: u64) {
        while let Some(first) = self.seen.first_entry() {
            let (time, _) = *first.key();
            if time >= oldest && self.seen.len() <= self.capacity {
                break;
            }
            self.forgotten = self.forgotten.max(Some(time));
            self.seen.pop_first();
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn digest(identity: &str) -> Identity {
    let digest: [u8; 32] = Sha256::digest(identity).into();
    digest.first_chunk().copied().unwrap_or_default()
}
