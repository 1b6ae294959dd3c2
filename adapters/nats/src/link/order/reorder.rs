//! Puts what comes again in front of what comes for the first time.

use std::collections::BTreeMap;

use tokio::time::Instant;

/// While deliveries are missing (they were lost with a connection, or their process died), later messages are held back until the
/// missing ones have come again. Bounded by the consumer's own limit of unacknowledged messages, and by a deadline: what was deleted
/// from the stream in the meantime never comes.
#[derive(Debug)]
pub(super) struct Reorder<T> {
    missing: u64,
    through: Option<u64>,
    deadline: Option<Instant>,
    held: BTreeMap<u64, T>,
}

impl<T> Reorder<T> {
    pub(super) fn new() -> Self {
        Self { missing: 0, through: None, deadline: None, held: BTreeMap::new() }
    }

    /// `missing` messages are to come again before the deadline.
    pub(super) fn expect(&mut self, missing: u64, deadline: Instant) {
        if missing > 0 {
            self.missing = self.missing.saturating_add(missing);
            self.wait_until(deadline);
        }
    }

    /// Messages up to this sequence are to come again before the deadline.
    pub(super) fn expect_through(&mut self, sequence: u64, deadline: Instant) {
        self.through = self.through.max(Some(sequence));
        self.wait_until(deadline);
    }

    fn wait_until(&mut self, deadline: Instant) {
        self.deadline = Some(self.deadline.map_or(deadline, |known| known.max(deadline)));
    }

    /// Until when messages are held back; `None` when they are not.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes a message and gives those whose turn it is.
    pub(super) fn pass(
        &mut self,
        sequence: u64,
        redelivered: bool,
        item: T,
    ) -> impl Iterator<Item = T> + use<T> {
        let mut now = None;
        let mut then = BTreeMap::new();
        if self.deadline.is_none() {
            now = Some(item);
        } else {
            // Of one that came twice in the meantime, only the latest delivery can be acknowledged.
            let first = self.held.insert(sequence, item).is_none();
            if first && redelivered {
                self.missing = self.missing.saturating_sub(1);
            }
            // They come in the stream's order, so the last one is the end.
            self.through = self.through.filter(|through| *through != sequence);
            if self.missing == 0 && self.through.is_none() {
                self.deadline = None;
                then = std::mem::take(&mut self.held);
            }
        }
        now.into_iter().chain(then.into_values())
    }

    /// Ends the wait and gives what was held back, in the stream's order.
    pub(super) fn release(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.missing = 0;
        self.through = None;
        self.deadline = None;
        std::mem::take(&mut self.held).into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(
        reorder: &mut Reorder<&'static str>,
        sequence: u64,
        redelivered: bool,
        item: &'static str,
    ) -> Vec<&'static str> {
        reorder.pass(sequence, redelivered, item).collect()
    }

    #[test]
    fn what_comes_again_leaves_first() {
        let mut reorder = Reorder::new();
        let deadline = Instant::now();
        reorder.expect(0, deadline);
        assert_eq!(passed(&mut reorder, 4, false, "4"), ["4"]);
        reorder.expect(2, deadline);
        assert_eq!(reorder.deadline(), Some(deadline));
        assert!(passed(&mut reorder, 9, false, "9").is_empty());
        assert!(passed(&mut reorder, 6, true, "6").is_empty());
        assert!(passed(&mut reorder, 6, true, "6 once more").is_empty());
        assert_eq!(passed(&mut reorder, 5, true, "5"), ["5", "6 once more", "9"]);
        assert_eq!(reorder.deadline(), None);
        assert_eq!(passed(&mut reorder, 10, true, "10"), ["10"]);
    }

    #[test]
    fn the_last_of_the_missing_is_waited_for() {
        let mut reorder = Reorder::new();
        reorder.expect_through(6, Instant::now());
        for (sequence, redelivered, item) in [(9, false, "9"), (5, true, "5")] {
            assert!(passed(&mut reorder, sequence, redelivered, item).is_empty());
        }
        assert_eq!(passed(&mut reorder, 6, true, "6"), ["5", "6", "9"]);
    }

    #[test]
    fn what_never_comes_is_not_waited_for_without_end() {
        let mut reorder = Reorder::new();
        reorder.expect(2, Instant::now());
        assert!(passed(&mut reorder, 9, false, "9").is_empty());
        assert!(passed(&mut reorder, 5, true, "5").is_empty());
        assert_eq!(reorder.release().collect::<Vec<_>>(), ["5", "9"]);
        assert_eq!(passed(&mut reorder, 10, false, "10"), ["10"]);
    }
}
