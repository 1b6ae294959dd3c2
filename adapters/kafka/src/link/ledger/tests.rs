use proptest::prelude::*;

use super::*;

fn ledger(offsets: &[i64]) -> Ledger {
    let mut ledger = Ledger::new(1);
    for offset in offsets {
        ledger.hold(*offset, Envelope::default(), 10);
    }
    ledger
}

fn offset(ledger: &Ledger) -> Option<i64> {
    ledger.mark().map(|mark| mark.offset)
}

#[test]
fn the_mark_waits_for_the_first_and_passes_gaps_in_the_log() {
    let mut ledger = ledger(&[5, 6, 9]);
    assert_eq!(ledger.settle(6), Settled { bytes: 10, passed: 0 });
    assert_eq!(offset(&ledger), None);
    assert_eq!(ledger.settle(5), Settled { bytes: 10, passed: 2 });
    assert_eq!(offset(&ledger), Some(7));
    assert_eq!(ledger.settle(9), Settled { bytes: 10, passed: 1 });
    assert_eq!(offset(&ledger), Some(10));
}

#[test]
fn settling_twice_and_settling_what_is_not_there_change_nothing() {
    let mut ledger = ledger(&[5, 6]);
    ledger.settle(6);
    assert_eq!(ledger.settle(6), Settled::default());
    assert_eq!(ledger.settle(4), Settled::default());
    assert_eq!((ledger.held(), ledger.bytes()), (2, 10));
}

#[test]
fn only_what_was_under_way_counts_as_committed() {
    let mut ledger = ledger(&[1, 2, 3]);
    ledger.settle(1);
    let mark = ledger.mark().unwrap();
    ledger.settle(2);
    assert_eq!(ledger.committed(mark), 1);
    assert_eq!((ledger.uncommitted(), ledger.held()), (1, 2));
    assert_eq!(offset(&ledger), Some(3));
    assert_eq!(ledger.committed(mark), 0, "an answer that comes twice");
    let mark = ledger.mark().unwrap();
    assert_eq!(ledger.committed(mark), 1);
    assert_eq!(ledger.mark(), None);
}

#[test]
fn a_position_that_went_back_is_noticed() {
    let ledger = ledger(&[5, 6]);
    assert!(ledger.continues_at(7));
    assert!(ledger.continues_at(100));
    assert!(!ledger.continues_at(6));
    assert!(Ledger::new(1).continues_at(0));
}

proptest! {
    /// In whatever order messages are settled and commits come in between: the mark never passes one that is not settled, and
    /// reaches every one that is behind no gap.
    #[test]
    fn the_mark_is_the_first_unsettled(
        steps in prop::collection::vec(1_i64..4, 1..40),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..60),
    ) {
        let offsets: Vec<i64> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
        let mut ledger = ledger(&offsets);
        let mut open: Vec<i64> = offsets.clone();
        let mut next = 0; // to be read after a crash
        for (index, commits) in order {
            if !open.is_empty() {
                let settled = open.remove(index.index(open.len()));
                prop_assert!(ledger.kept(settled).is_some());
                ledger.settle(settled);
            }
            if commits && let Some(mark) = ledger.mark() {
                ledger.committed(mark);
                prop_assert!(mark.offset > next, "went back");
                next = mark.offset;
            }
            let first_open = open.iter().min().copied();
            let mark = offset(&ledger).unwrap_or(next);
            match first_open {
                Some(first) => {
                    prop_assert!(mark <= first);
                    prop_assert!(!offsets.iter().any(|o| mark <= *o && *o < first), "it stays behind");
                }
                None => prop_assert_eq!(mark, offsets.last().unwrap() + 1),
            }
            let redelivered = offsets.iter().filter(|offset| **offset >= next).count();
            prop_assert_eq!(ledger.held(), redelivered);
            prop_assert_eq!(ledger.bytes(), open.len() * 10);
        }
    }
}
