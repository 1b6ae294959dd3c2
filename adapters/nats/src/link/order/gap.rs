//! Notices deliveries that were lost together with a connection.

use tokio::time::{Duration, Instant};

/// The server numbers a consumer's deliveries. Behind a reconnect a gap in the numbers is what was on the wire. At other times it
/// is only what another process with the same consumer got.
#[derive(Debug)]
pub(super) struct Gap {
    connects: u64,
    last: u64,
    watch: Duration,
    watched_until: Option<Instant>,
}

impl Gap {
    /// After the delivery `last`, the connection having been made `connects` times; gaps are believed for `watch` after a
    /// reconnect.
    pub(super) fn after(connects: u64, last: u64, watch: Duration) -> Self {
        Self { connects, last, watch, watched_until: None }
    }

    /// How many deliveries were lost before this one.
    pub(super) fn before(&mut self, delivery: u64, connects: u64, now: Instant) -> u64 {
        if connects != self.connects {
            self.connects = connects;
            self.watched_until = Some(now + self.watch);
        }
        let missing = delivery.saturating_sub(self.last.saturating_add(1));
        self.last = delivery;
        match self.watched_until {
            Some(until) if now < until => missing,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gap_behind_a_reconnect_counts() {
        let (now, watch) = (Instant::now(), Duration::from_secs(10));
        let mut gap = Gap::after(1, 10, watch);
        assert_eq!(gap.before(11, 1, now), 0);
        assert_eq!(gap.before(14, 1, now), 0, "another process has 12 and 13");
        assert_eq!(gap.before(15, 2, now), 0, "was here before the connection broke");
        assert_eq!(gap.before(20, 2, now), 4, "16 to 19 were on the wire");
        assert_eq!(gap.before(18, 3, now), 0, "the server has forgotten some of its own");
        assert_eq!(gap.before(30, 3, now + watch), 0, "long after");
    }
}
