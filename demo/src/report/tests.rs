#![allow(clippy::indexing_slicing, reason = "a failed test may panic")]

use super::*;
use crate::figures::Arrived;

/// Two messages sent, weighed, relayed and verified.
fn end() -> End {
    let mut bridge = Snapshot::default();
    (bridge.received, bridge.sent, bridge.confirmed) = (2, 2, 2);
    (bridge.bytes_in, bridge.bytes_out) = (30, 30);
    let produced =
        Produced { sent: 2, seen: 2, framed: 2, raw: 100, wire: 30, ..Produced::default() };
    let arrived = Arrived { arrived: 2, verified: 2, wire: 30, ..Arrived::default() };
    let figures = Figures {
        producers: vec![produced],
        destinations: vec![arrived],
        planned: 2,
        ..Figures::default()
    };
    let took = Duration::from_secs(1);
    End { figures, reordered: 0, bridge, unsettled: 0, took, limit: 1000 }
}

#[test]
fn a_run_without_faults_has_none() {
    assert_eq!(end().faults(), Vec::<String>::new());
    assert!(end().summary().contains("saved     70.0 % of the payload"), "{}", end().summary());
}

#[test]
fn every_fault_is_told() {
    let faults = |spoil: fn(&mut End)| {
        let mut end = end();
        spoil(&mut end);
        end.faults().join(", ")
    };
    let arrived = |end: &mut End| end.figures.destinations[0].arrived -= 1;
    assert!(faults(arrived).contains("1 messages did not arrive"));
    assert!(
        faults(|end| end.figures.destinations[0].verified -= 1)
            .contains("1 messages were not verified")
    );
    assert!(faults(|end| end.figures.planned += 3).contains("3 messages were not sent"));
    assert!(faults(|end| end.figures.producers[0].seen -= 1).contains("1 messages were not seen"));
    assert!(faults(|end| end.figures.faults.altered = 1).contains("with other bytes"));
    assert!(faults(|end| end.figures.faults.misrouted = 1).contains("at another destination"));
    assert!(faults(|end| end.figures.faults.unknown = 1).contains("nobody can account for"));
    assert!(faults(|end| end.reordered = 1).contains("after a later one"));
    assert!(faults(|end| end.unsettled = 1).contains("unsettled"));
    assert!(faults(|end| end.bridge.dead_lettered = 1).contains("dead-lettered"));
    assert!(faults(|end| end.bridge.bytes_out += 1).contains("other bytes than it read"));
    // What the engine refused was meant to be sent, and is no fault.
    let refused = |end: &mut End| {
        end.figures.planned += 1;
        end.figures.producers[0].too_long += 1;
    };
    assert_eq!(faults(refused), "");
}
