//! What became of the messages on their way.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;

/// What differs between what was sent and what lies on the target.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrival {
    lost: usize,
    doubled: usize,
    /// Behind one that was sent after it.
    moved: usize,
}

impl Arrival {
    /// Each of `sent` is unlike the others.
    pub(super) fn compare(sent: &[Bytes], arrived: &[Bytes]) -> Self {
        let places: HashMap<&Bytes, usize> =
            sent.iter().enumerate().map(|(place, frame)| (frame, place)).collect();
        let mut seen = vec![false; sent.len()];
        let (mut doubled, mut moved, mut furthest) = (0, 0, 0);
        for frame in arrived {
            // What was never sent took the place of something that is missing.
            let Some(&place) = places.get(frame) else { continue };
            if std::mem::replace(&mut seen[place], true) {
                doubled += 1;
            } else if place < furthest {
                moved += 1;
            }
            furthest = furthest.max(place);
        }
        Self { lost: seen.iter().filter(|seen| !**seen).count(), doubled, moved }
    }

    pub(super) fn is_exact(self) -> bool {
        let Self { lost, doubled, moved } = self;
        (lost, doubled, moved) == (0, 0, 0)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.moved += other.moved;
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, doubled, moved } = self;
        write!(f, "{lost}, {doubled}, {moved}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_or_moved_is_counted() {
        let [a, b, c, d] = [b"a", b"b", b"c", b"d"].map(|text| Bytes::from_static(text));
        let sent = [a.clone(), b.clone(), c.clone(), d.clone()];
        assert!(Arrival::compare(&sent, &sent).is_exact());
        let arrival = Arrival::compare(&sent, &[a.clone(), c, b, a]);
        assert_eq!(arrival.to_string(), "1, 1, 1");
        assert!(!Arrival::compare(&[d], &[]).is_exact());
    }
}
