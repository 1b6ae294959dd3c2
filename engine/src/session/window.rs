//! Which of a session's messages came already.

/// Remembers the numbers of the last 64 messages (RFC 4303, section 3.4.3): brokers deliver more than once, and not always in order.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// One more than the highest number that came.
    next: u64,
    /// Bit n stands for the number `next - 1 - n`.
    seen: u64,
}

impl Window {
    /// Whether the number came before, or is too old to tell.
    pub(super) fn holds(&self, number: u64) -> bool {
        match self.next.checked_sub(number) {
            // There is no number after it, so that it could not be noted.
            _ if number == u64::MAX => true,
            None | Some(0) => false,
            Some(back) => back > 64 || self.seen & (1 << (back - 1)) != 0,
        }
    }

    /// Notes a number, of a message that proved to be authentic.
    pub(super) fn note(&mut self, number: u64) {
        match self.next.checked_sub(number) {
            None | Some(0) => {
                let ahead = number.saturating_add(1) - self.next;
                self.seen = u32::try_from(ahead)
                    .ok()
                    .and_then(|ahead| self.seen.checked_shl(ahead))
                    .unwrap_or(0)
                    | 1;
                self.next = number.saturating_add(1);
            }
            Some(back @ 1..=64) => self.seen |= 1 << (back - 1),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_comes_once_in_any_order_within_reach() {
        let mut window = Window::default();
        for number in [0, 2, 1, 70, 69, 7, 1000, 937, 1936, 5000] {
            assert!(!window.holds(number), "{number}");
            window.note(number);
            assert!(window.holds(number), "{number} again");
        }
        assert!(window.holds(0) && window.holds(4936), "too old");
        assert!(!window.holds(4937) && !window.holds(5001));
        assert!(window.holds(u64::MAX));
    }
}
