//! How many messages come in a second.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Lets so many through in a second, in a burst or one by one (the generic cell rate algorithm).
#[derive(Debug)]
pub(super) struct Rate {
    each: Duration,
    /// When all that came would have come, evenly spread.
    spread: Option<Instant>,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        Self { each: SECOND / per_second.max(1), spread: None }
    }

    /// Whether one more may come now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let spread = self.spread.map_or(now, |spread| spread.max(now));
        if spread.duration_since(now) >= SECOND {
            return false;
        }
        self.spread = Some(spread + self.each);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_its_number_and_the_next_one_again() {
        let mut rate = Rate::new(4);
        let begun = Instant::now();
        let taken =
            |rate: &mut Rate, at: Duration| (0..10).filter(|_| rate.take(begun + at)).count();
        assert_eq!(taken(&mut rate, Duration::ZERO), 4);
        assert_eq!(taken(&mut rate, SECOND / 2), 2);
        assert_eq!(taken(&mut rate, SECOND * 10), 4);
    }
}
