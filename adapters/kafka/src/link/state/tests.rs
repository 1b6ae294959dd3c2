use std::time::Duration;

use m2m_engine::bus::Address;

use super::*;

fn message(topic: &str, payload: &str) -> Envelope {
    Envelope {
        address: Address { name: topic.to_owned(), ..Address::default() },
        payload: Some(payload.to_owned().into()),
        ..Envelope::default()
    }
}

fn all(_: &str, _: i32) -> bool {
    true
}

fn positions(batch: Vec<(Position, Envelope)>) -> Vec<Position> {
    batch.into_iter().map(|(position, _)| position).collect()
}

fn offsets(batch: &[(Position, Envelope)]) -> Vec<i64> {
    batch.iter().map(|(position, _)| position.offset).collect()
}

#[test]
fn what_is_said_after_a_revocation_does_not_count() {
    let mut state = State::default();
    state.hold(0, 4, message("a", "x"));
    state.hold(1, 4, message("a", "y"));
    let old = positions(state.batch(Instant::now()));
    state.revoke(|topic, partition| topic == "a" && partition == 0);
    assert_eq!((state.held(), state.bytes()), (1, 1));

    // Assigned again, the same message comes again.
    state.hold(0, 4, message("a", "x"));
    let error = SettleError::Revoked { topic: "a".to_owned(), partition: 0, offset: 4 };
    assert_eq!(state.settle(&old[0]), Err(error.clone()));
    assert_eq!(state.retry(old[0].clone(), Instant::now()), Err(error));
    assert!(state.marks(all).is_empty());

    state.settle(&old[1]).unwrap();
    let marks = state.marks(all);
    assert_eq!(marks.len(), 1);
    assert_eq!((marks[0].1, marks[0].2.offset), (1, 5));
}

#[test]
fn a_commit_that_is_answered_after_a_revocation_frees_nothing() {
    let mut state = State::default();
    state.hold(0, 4, message("a", "x"));
    let old = positions(state.batch(Instant::now()));
    state.settle(&old[0]).unwrap();
    let marks = state.marks(all);
    state.revoke(all);
    state.hold(0, 4, message("a", "x"));
    state.committed(&marks);
    assert_eq!((state.held(), state.uncommitted()), (1, 0));
}

#[test]
fn a_log_that_begins_anew_is_a_new_assignment() {
    let mut state = State::default();
    state.hold(0, 8, message("a", "old"));
    state.hold(0, 9, message("a", "old"));
    let old = positions(state.batch(Instant::now()));
    state.hold(0, 0, message("a", "new"));
    assert!(state.settle(&old[0]).is_err());
    assert_eq!(offsets(&state.batch(Instant::now())), [0]);
    assert_eq!(state.held(), 1);
}

#[test]
fn what_is_due_again_comes_first_and_in_order() {
    let mut state = State::default();
    for offset in 0..4 {
        state.hold(0, offset, message("a", "x"));
    }
    let first = positions(state.batch(Instant::now()));
    let now = Instant::now();
    for position in [&first[2], &first[0]] {
        state.retry(position.clone(), now).unwrap();
    }
    state.retry(first[3].clone(), now + Duration::from_secs(60)).unwrap();
    state.hold(0, 4, message("a", "x"));
    assert_eq!(offsets(&state.batch(now)), [0, 2, 4]);
    assert_eq!(state.due(), Some(now + Duration::from_secs(60)));
    // Nothing is committed past one that is to come again.
    state.settle(&first[1]).unwrap();
    assert!(state.marks(all).is_empty());
}
