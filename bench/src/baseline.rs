//! What the hot paths cost when it was last recorded, so that what has become slower shows.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;

/// More than this and a path has become slower: counts of one build vary by less than a percent, with what the allocator finds.
const TOLERANCE: f64 = 1.03;

/// What one call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Callgrind's.
    pub instructions: u64,
    /// Calls of the allocator.
    pub allocations: u64,
}

/// Counts by the paths' names: in a file a line each, of name, instructions and allocations, between tabulators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline(pub BTreeMap<String, Counts>);

impl Baseline {
    /// Reads what its `Display` wrote; an empty text is an empty one.
    ///
    /// # Errors
    /// When a line is none of those.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let counts = |line: &str| {
            let mut cells = line.split('\t');
            let mut cell = || cells.next().context("a cell is missing");
            let name = cell()?.to_owned();
            let (instructions, allocations) = (cell()?.parse()?, cell()?.parse()?);
            anyhow::Ok((name, Counts { instructions, allocations }))
        };
        let each = |line: &str| counts(line).with_context(|| format!("in the baseline: {line:?}"));
        text.lines().map(each).collect::<anyhow::Result<_>>().map(Self)
    }

    /// How many times as many instructions as recorded, if they are.
    #[must_use]
    pub fn ratio(&self, name: &str, now: Counts) -> Option<f64> {
        self.0.get(name).map(|then| now.instructions as f64 / then.instructions as f64)
    }

    /// The paths that take more than is recorded: over 3 % more instructions, or one more allocation. A path that is not recorded is none.
    #[must_use]
    pub fn worse(&self, counted: &Self) -> Vec<String> {
        let worse = |(name, now): (&String, &Counts)| {
            let slower = self.ratio(name, *now)? > TOLERANCE;
            let more = now.allocations > self.0.get(name)?.allocations;
            (slower || more).then(|| name.clone())
        };
        counted.0.iter().filter_map(worse).collect()
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, Counts { instructions, allocations })| {
            writeln!(f, "{name}\t{instructions}\t{allocations}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(instructions: u64, allocations: u64) -> Baseline {
        Baseline([("wrap".to_owned(), Counts { instructions, allocations })].into())
    }

    #[test]
    fn what_is_written_is_read() {
        let baseline = one(1000, 2);
        assert_eq!(Baseline::parse(&baseline.to_string()).unwrap(), baseline);
        assert_eq!(Baseline::parse("").unwrap(), Baseline::default());
        assert!(Baseline::parse("wrap\t12").is_err());
        assert!(Baseline::parse("wrap\ttwelve\t1").is_err());
    }

    #[test]
    fn more_instructions_or_allocations_are_worse() {
        let recorded = one(1000, 2);
        for (counted, worse) in [
            (one(1029, 2), false),
            (one(500, 0), false),
            (one(1031, 2), true),
            (one(1000, 3), true),
        ] {
            assert_eq!(!recorded.worse(&counted).is_empty(), worse, "{counted:?}");
        }
        assert!(Baseline::default().worse(&recorded).is_empty());
    }
}
