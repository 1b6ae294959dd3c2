#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test may panic")]

use super::*;
use crate::figures::{Arrived, Faults, Produced};

/// A ledger of one producer and two destinations, with `planned` messages of one conversation entered and sent to the first.
fn ledger(planned: usize) -> Ledger {
    let ledger = Ledger::new(Figures {
        producers: vec![Produced::default()],
        destinations: vec![Arrived::default(); 2],
        planned,
        ..Figures::default()
    });
    for number in 0..planned {
        assert_eq!(ledger.enter(0, 0, &message(number)), number);
        ledger.sent(0);
        ledger.seen(Some(&number.to_string()), 3, true, false);
    }
    ledger
}

fn message(number: usize) -> Message {
    Message { conversation: "a".to_owned(), payload: payload(number).into() }
}

fn payload(number: usize) -> String {
    format!("payload {number}")
}

fn arrive(ledger: &Ledger, destination: usize, number: usize) {
    ledger.arrived(destination, Some(&number.to_string()), payload(number).as_bytes());
}

#[test]
fn what_arrives_as_it_was_sent_is_verified() {
    let ledger = ledger(2);
    arrive(&ledger, 0, 0);
    assert!(!ledger.figures().settled());
    arrive(&ledger, 0, 1);
    let figures = ledger.figures();
    assert!(figures.settled());
    assert_eq!((figures.verified(), figures.faults.clone()), (2, Faults::default()));
    let weighed = &figures.producers[0];
    assert_eq!((weighed.seen, weighed.framed, weighed.raw, weighed.wire), (2, 2, 18, 6));
    assert_eq!(ledger.reordered(), 0);
}

#[test]
fn other_bytes_are_found() {
    let ledger = ledger(1);
    ledger.arrived(0, Some("0"), b"payload 1");
    let figures = ledger.figures();
    assert_eq!((figures.arrived(), figures.verified(), figures.faults.altered), (1, 0, 1));
}

#[test]
fn another_destination_is_found() {
    let ledger = ledger(1);
    arrive(&ledger, 1, 0);
    let figures = ledger.figures();
    assert_eq!((figures.verified(), figures.faults.misrouted), (0, 1));
}

#[test]
fn what_comes_again_is_counted_and_compared() {
    let ledger = ledger(1);
    arrive(&ledger, 0, 0);
    arrive(&ledger, 0, 0);
    assert_eq!((ledger.figures().again(), ledger.figures().faults.altered), (1, 0));
    ledger.arrived(0, Some("0"), b"something else");
    let figures = ledger.figures();
    assert_eq!((figures.verified(), figures.again(), figures.faults.altered), (1, 2, 1));
}

#[test]
fn order_is_judged_on_last_copies() {
    let ledger = ledger(3);
    for number in [1, 0, 2] {
        arrive(&ledger, 0, number);
    }
    assert_eq!(ledger.reordered(), 1);
    // Sent again from the first that was not confirmed, as a relay does after a failure.
    arrive(&ledger, 0, 1);
    arrive(&ledger, 0, 2);
    assert_eq!(ledger.reordered(), 0);
}

#[test]
fn what_nobody_sent_is_found() {
    let ledger = ledger(1);
    ledger.arrived(0, None, b"payload 0");
    ledger.arrived(0, Some("1"), b"payload 1");
    ledger.unreadable();
    assert_eq!((ledger.figures().arrived(), ledger.figures().faults.unknown), (0, 3));
}
