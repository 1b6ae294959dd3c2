//! How long to wait before the next try, and when to stop trying.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::config::Retry;

/// Counts the failures since the last success.
#[derive(Debug)]
pub(crate) struct Backoff {
    retry: Retry,
    pauses: ExponentialBackoff,
    failures: usize,
    /// Of these, the ones that a message may be to blame for.
    blamed: usize,
}

impl Backoff {
    pub(crate) fn new(retry: &Retry) -> Self {
        Self { retry: retry.clone(), pauses: pauses(retry), failures: 0, blamed: 0 }
    }

    /// Notes a success. Whether failures lay before it.
    pub(crate) fn succeeded(&mut self) -> bool {
        let failing = self.failing();
        if failing {
            (self.failures, self.blamed) = (0, 0);
            self.pauses = pauses(&self.retry);
        }
        failing
    }

    /// Notes a failure; gives the pause before the next try. A `blameless` one does not count towards the limit: a broker that is away for
    /// hours makes no dead letters.
    pub(crate) fn failed(&mut self, blameless: bool) -> Duration {
        self.failures += 1;
        self.blamed += usize::from(!blameless);
        self.pauses.next().unwrap_or(self.retry.max_backoff)
    }

    /// Whether the last try failed.
    pub(crate) fn failing(&self) -> bool {
        self.failures > 0
    }

    /// How many tries in a row have failed.
    pub(crate) fn failures(&self) -> usize {
        self.failures
    }

    /// How many of them count.
    pub(crate) fn attempts(&self) -> usize {
        self.blamed
    }

    /// Whether another try is one too many.
    pub(crate) fn exhausted(&self) -> bool {
        self.retry.max_attempts > 0 && self.blamed >= self.retry.max_attempts
    }

    /// Whether this failure is worth a line in the log: the first, then ever fewer.
    pub(crate) fn worth_telling(&self) -> bool {
        self.failures.is_power_of_two()
    }
}

fn pauses(retry: &Retry) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(retry.min_backoff)
        .with_max_delay(retry.max_backoff)
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_begin_anew_after_a_success() {
        let retry = Retry { max_attempts: 3, ..Retry::default() };
        let mut backoff = Backoff::new(&retry);
        assert!(!backoff.succeeded() && !backoff.failing());
        for failures in 1..=40 {
            let pause = backoff.failed(false);
            // Jitter adds up to the pause itself.
            assert!(pause >= retry.min_backoff && pause <= 2 * retry.max_backoff, "{pause:?}");
            assert_eq!(backoff.exhausted(), failures >= 3);
        }
        assert!(backoff.succeeded());
        assert!(backoff.failed(false) <= 2 * retry.min_backoff);
        assert!(!Backoff::new(&Retry { max_attempts: 0, ..retry }).exhausted());
    }

    #[test]
    fn a_lost_connection_exhausts_nothing() {
        let mut backoff = Backoff::new(&Retry { max_attempts: 2, ..Retry::default() });
        for _ in 0..10 {
            backoff.failed(true);
        }
        backoff.failed(false);
        assert!(!backoff.exhausted());
        backoff.failed(false);
        assert!(backoff.exhausted());
        assert_eq!((backoff.failures(), backoff.attempts()), (12, 2));
    }
}
