//! Honest timing on a machine that others use too.
//!
//! What is compared runs in turns within one process, so that what slows the machine down slows both; ratios are taken within a round
//! and their median told, with the spread. Time is the thread's CPU time, which does not count when others run.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of CPU that this thread has used.
#[must_use]
pub fn thread_cpu() -> u64 {
    nanos(ClockId::ThreadCPUTime)
}

/// Nanoseconds of CPU that this process has used, in all its threads.
#[must_use]
pub fn process_cpu() -> u64 {
    nanos(ClockId::ProcessCPUTime)
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The figures of all rounds of one side.
#[derive(Debug, Clone, Default)]
pub struct Rounds(pub Vec<f64>);

impl Rounds {
    /// The figure in the middle; NaN without rounds.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The figure that a share of `q` (0 to 1) stays below.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len().saturating_sub(1) as f64 * q).round() as usize;
        sorted.get(at).copied().unwrap_or(f64::NAN)
    }

    /// Round by round, how many times as large this side's figure is as the other's.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(this, other)| this / other).collect())
    }

    /// Round by round, the mean of this side's figure and the other's.
    #[must_use]
    pub fn mean(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(this, other)| (this + other) / 2.0).collect())
    }

    /// Round by round, what this side has over the other.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(this, other)| this - other).collect())
    }

    /// The median, and the quartiles around it: `1.42 (1.40-1.44)`.
    #[must_use]
    pub fn spread(&self) -> String {
        format!("{:.2} ({:.2}-{:.2})", self.median(), self.quantile(0.25), self.quantile(0.75))
    }

    /// The same without decimals: `97 (91-102)`.
    #[must_use]
    pub fn percent(&self) -> String {
        format!("{:.0} ({:.0}-{:.0})", self.median(), self.quantile(0.25), self.quantile(0.75))
    }
}

/// Runs all sides in turns, `rounds` times after one that does not count, each round beginning with another side. Gives each side's
/// nanoseconds of this thread's CPU.
pub fn interleave<const N: usize>(rounds: usize, sides: [&mut dyn FnMut(); N]) -> [Rounds; N] {
    let mut figures = [const { Rounds(Vec::new()) }; N];
    for round in 0..=rounds {
        for turn in 0..N {
            let side = (round + turn) % N;
            let begun = thread_cpu();
            sides[side]();
            let took = thread_cpu() - begun;
            if round > 0 {
                figures[side].0.push(took as f64);
            }
        }
    }
    figures
}
