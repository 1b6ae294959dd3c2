#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::Duration;

use super::super::Replay;
use super::super::replay::{Arrival, Refused, Window};

/// A day in 2026, in milliseconds.
const NOW: u64 = 1_795_000_000_000;
const AGE: u64 = 10_000;

fn window(capacity: usize) -> Window {
    Window::new(Replay { age: Duration::from_millis(AGE), capacity })
}

fn arrival(time: u64, id: u8) -> Arrival<'static> {
    Arrival { sent: (time, [id; 16]), now: NOW, identity: None, redelivered: false }
}

#[test]
fn a_message_comes_once_unless_the_broker_says_that_it_is_the_same() {
    let mut window = window(100);
    let at = |identity| Arrival { identity: Some(identity), ..arrival(NOW, 1) };
    let again = |arrival| Arrival { redelivered: true, ..arrival };
    assert_eq!(window.admit(&at("S 1")), Ok(()));
    assert_eq!(window.admit(&at("S 1")), Ok(()));
    assert_eq!(window.admit(&again(at("S 1"))), Ok(()));
    // Sent twice, and the second one delivered twice.
    assert_eq!(window.admit(&at("S 2")), Err(Refused::Repeated));
    assert_eq!(window.admit(&again(at("S 2"))), Err(Refused::Repeated));
    // Without identities there is only the flag.
    assert_eq!(window.admit(&arrival(NOW, 2)), Ok(()));
    assert_eq!(window.admit(&arrival(NOW, 2)), Err(Refused::Repeated));
    assert_eq!(window.admit(&again(arrival(NOW, 2))), Ok(()));
    // Another time with the same id, and another id at the same time, are other messages.
    assert_eq!(window.admit(&arrival(NOW + 1, 2)), Ok(()));
    assert_eq!(window.admit(&arrival(NOW, 3)), Ok(()));
}

#[test]
fn what_is_too_old_or_from_the_future_is_refused() {
    let mut window = window(100);
    assert_eq!(window.admit(&arrival(NOW - AGE, 1)), Ok(()));
    let (age, window_) = (Duration::from_millis(AGE + 1), Duration::from_millis(AGE));
    let stale = Refused::Stale { age, window: window_ };
    assert_eq!(window.admit(&arrival(NOW - AGE - 1, 2)), Err(stale));
    assert_eq!(window.admit(&arrival(NOW + 60_000, 3)), Ok(()));
    let early = Refused::Early { ahead: Duration::from_millis(60_001) };
    assert_eq!(window.admit(&arrival(NOW + 60_001, 4)), Err(early));
    // What came early is remembered until it has grown old.
    let later = |now| Arrival { now, ..arrival(NOW + 60_000, 3) };
    assert_eq!(window.admit(&later(NOW + 60_000 + AGE)), Err(Refused::Repeated));
}

#[test]
fn when_it_is_full_what_is_forgotten_cannot_come_again() {
    let mut window = window(3);
    for id in 1..=5 {
        assert_eq!(window.admit(&arrival(NOW + u64::from(id), id)), Ok(()));
    }
    for id in 1..=5 {
        let again = window.admit(&arrival(NOW + u64::from(id), id));
        assert_eq!(matches!(again, Err(Refused::Stale { .. })), id <= 2, "{again:?}");
        assert_eq!(again == Err(Refused::Repeated), id > 2);
    }
    // Nor can anything else of that time, of which nobody knows whether it came.
    assert!(matches!(window.admit(&arrival(NOW + 2, 9)), Err(Refused::Stale { .. })));
    assert_eq!(window.admit(&arrival(NOW + 3, 9)), Ok(()));
}

#[test]
fn a_clock_that_is_set_back_brings_nothing_back() {
    let mut window = window(100);
    let at = |now, id| Arrival { now, ..arrival(now, id) };
    assert_eq!(window.admit(&at(NOW, 1)), Ok(()));
    assert_eq!(window.admit(&at(NOW + 10 * AGE, 2)), Ok(()));
    assert!(matches!(window.admit(&at(NOW, 1)), Err(Refused::Stale { .. })));
    // What is sent later by the right clock comes through.
    assert_eq!(window.admit(&at(NOW + 1, 3)), Ok(()));
}

#[test]
fn memory_is_bounded_by_age_and_by_number() {
    let mut by_age = window(1_000_000);
    for time in 0..10 * AGE {
        let now = NOW + time;
        assert_eq!(by_age.admit(&Arrival { now, ..arrival(now, 0) }), Ok(()));
    }
    assert_eq!(u64::try_from(by_age.len()).unwrap(), AGE + 1);
    let mut by_number = window(10);
    for id in 0..=255 {
        assert_eq!(by_number.admit(&arrival(NOW + u64::from(id), id)), Ok(()));
    }
    assert_eq!(by_number.len(), 10);
}
