#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test may panic")]

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::*;
use crate::config::Config;
use crate::secure::KeyMaterial;
use crate::session::{Limits, Protection};

fn seed() -> Seed {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Seed::new(KeyMaterial::from([next; 32]), [next; 16])
}

fn moment() -> Moment {
    Moment { instant: Instant::now(), unix_ms: 1 }
}

fn driver(id: &str, limits: Limits) -> Driver {
    let protection = Protection::Authenticated(KeyMaterial::from([7; 32]));
    let settings = Settings { limits, ..Settings::new(id) }.with_protection(protection);
    Driver::new(Arc::new(settings), Arc::new(Engine::new(Config::default()).unwrap()))
}

fn address(name: &str) -> Address {
    Address { name: name.to_owned(), ..Address::default() }
}

/// All that is to be done now.
fn actions(driver: &mut Driver, now: Moment) -> Vec<Action> {
    let mut actions = Vec::new();
    loop {
        match driver.poll(now) {
            Action::Wait(_) => return actions,
            action => actions.push(action),
        }
    }
}

/// Carries messages between agents, by name, until there are none; gives what else is to be done, by name.
fn run(agents: &mut [(&str, &mut Driver)], now: Moment) -> Vec<(String, Action)> {
    let mut rest = Vec::new();
    loop {
        let mut posted = Vec::new();
        for (name, driver) in agents.iter_mut() {
            for action in actions(driver, now) {
                match action {
                    Action::Send(outgoing) => posted.push(((*name).to_owned(), outgoing)),
                    other => rest.push(((*name).to_owned(), other)),
                }
            }
        }
        if posted.is_empty() {
            return rest;
        }
        for (from, Outgoing { to, correlation, message, .. }) in posted {
            let incoming = Incoming { reply_to: Some(&from), correlation: Some(&correlation) };
            let (_, driver) = agents.iter_mut().find(|(name, _)| *name == to.name).unwrap();
            match driver.receive(&message, incoming, true, &seed(), now) {
                // The answer to the CLOSE of a session that was given up.
                Ok(()) | Err(SessionError::OtherSession { kind: Kind::Close }) => {}
                Err(error) => unreachable!("{error}"),
            }
        }
    }
}

fn opened(rest: &[(String, Action)], agent: &str) -> Vec<Handle> {
    let of_agent = rest.iter().filter(|(name, _)| name == agent);
    of_agent
        .filter_map(|(_, action)| match action {
            Action::Opened(handle) => Some(*handle),
            _ => None,
        })
        .collect()
}

#[test]
fn many_sessions_with_many_peers_are_told_apart() {
    let now = moment();
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(|id| driver(id, Limits::default()));
    for to in ["b", "c", "b"] {
        a.connect(address(to), &seed(), now).unwrap();
    }
    b.connect(address("a"), &seed(), now).unwrap();
    let rest = run(&mut [("a", &mut a), ("b", &mut b), ("c", &mut c)], now);
    let handles = opened(&rest, "a");
    assert_eq!((handles.len(), opened(&rest, "b").len(), opened(&rest, "c").len()), (4, 3, 1));
    for (n, handle) in handles.iter().enumerate() {
        let outgoing = a.send(*handle, n.to_string().as_bytes(), now).unwrap();
        a.actions.push_back(Action::Send(outgoing));
    }
    let rest = run(&mut [("a", &mut a), ("b", &mut b), ("c", &mut c)], now);
    let mut payloads: Vec<_> = rest
        .into_iter()
        .map(|(name, action)| match action {
            Action::Payload(_, payload) => (name, payload),
            other => unreachable!("{other:?}"),
        })
        .collect();
    payloads.sort();
    assert_eq!(payloads.iter().filter(|(name, _)| name == "b").count(), 3);
    assert_eq!(payloads.iter().filter(|(name, _)| name == "c").count(), 1);
}

#[test]
fn a_hello_that_comes_twice_makes_one_session() {
    let now = moment();
    let [mut a, mut b] = ["a", "b"].map(|id| driver(id, Limits::default()));
    a.connect(address("b"), &seed(), now).unwrap();
    let Action::Send(hello) = a.poll(now) else { unreachable!() };
    let incoming = Incoming { reply_to: Some("a"), correlation: Some(&hello.correlation) };
    let mut results = Vec::new();
    for _ in 0..3 {
        b.receive(&hello.message, incoming, true, &seed(), now).unwrap();
        for action in actions(&mut b, now) {
            let Action::Send(accept) = action else { unreachable!("opened on a HELLO alone") };
            results.push(a.receive(&accept.message, incoming, true, &seed(), now).is_ok());
        }
    }
    assert_eq!(results, [true, false, false], "a peer that answers twice");
    let rest = run(&mut [("a", &mut a), ("b", &mut b)], now);
    assert_eq!((opened(&rest, "a").len(), opened(&rest, "b").len()), (1, 1));
}

#[test]
fn a_captured_hello_makes_no_session_for_the_application() {
    let now = moment();
    let [mut a, mut b] = ["a", "b"].map(|id| driver(id, Limits::default()));
    a.connect(address("b"), &seed(), now).unwrap();
    let Action::Send(hello) = a.poll(now) else { unreachable!() };
    let incoming = Incoming { reply_to: Some("a"), correlation: Some(&hello.correlation) };
    b.receive(&hello.message, incoming, true, &seed(), now).unwrap();
    let (mut told, mut later) = (Vec::new(), now);
    for second in 0..40 {
        later.instant = now.instant + Duration::from_secs(second);
        told.extend(actions(&mut b, later));
    }
    assert!(!told.iter().any(|action| matches!(action, Action::Opened(_))), "{told:?}");
    assert!(matches!(told.last(), Some(Action::Ended(_, End::NoAnswer { .. }))), "{told:?}");
    assert_eq!(b.entries.len(), 0);
}

#[test]
fn more_sessions_or_offers_than_allowed_are_rejected() {
    let now = moment();
    let mut few = driver("b", Limits { sessions: 2, ..Limits::default() });
    let mut slow = driver("c", Limits { hellos_per_second: 2, ..Limits::default() });
    let mut a = driver("a", Limits::default());
    for to in ["b", "b", "b", "c", "c", "c"] {
        a.connect(address(to), &seed(), now).unwrap();
    }
    let rest = run(&mut [("a", &mut a), ("b", &mut few), ("c", &mut slow)], now);
    assert_eq!((opened(&rest, "b").len(), opened(&rest, "c").len()), (2, 2));
    let ended = rest.iter().filter(|(_, action)| {
        matches!(action, Action::Ended(_, End::Rejected { code: RejectionCode::RateLimited, .. }))
    });
    assert_eq!(ended.count(), 2);
    assert!(matches!(
        few.connect(address("a"), &seed(), now),
        Err(SessionError::TooMany { limit: 2 })
    ));
}

#[test]
fn who_does_not_listen_rejects_and_who_gives_no_address_gets_no_answer() {
    let now = moment();
    let [mut a, mut b] = ["a", "b"].map(|id| driver(id, Limits::default()));
    a.connect(address("b"), &seed(), now).unwrap();
    let Action::Send(hello) = a.poll(now) else { unreachable!() };
    let silent = b.receive(&hello.message, Incoming::default(), true, &seed(), now);
    assert!(matches!(silent, Err(SessionError::NoReplyAddress)));
    let incoming = Incoming { reply_to: Some("a"), correlation: None };
    b.receive(&hello.message, incoming, false, &seed(), now).unwrap();
    let Action::Send(reject) = b.poll(now) else { unreachable!() };
    // It is known by being the only one that is waited for.
    a.receive(&reject.message, Incoming::default(), false, &seed(), now).unwrap();
    let end = End::Rejected { code: RejectionCode::Unknown, message: "nobody listens".to_owned() };
    assert!(matches!(a.poll(now), Action::Ended(_, ended) if ended == end));
}

#[test]
fn nothing_is_left_of_sessions_that_are_over() {
    let now = moment();
    let [mut a, mut b] = ["a", "b"].map(|id| driver(id, Limits::default()));
    for _ in 0..3 {
        a.connect(address("b"), &seed(), now).unwrap();
    }
    let rest = run(&mut [("a", &mut a), ("b", &mut b)], now);
    let handles = opened(&rest, "a");
    a.close(handles[0], now);
    a.abort(handles[1], End::NotTaken, now);
    let rest = run(&mut [("a", &mut a), ("b", &mut b)], now);
    assert_eq!(rest.iter().filter(|(_, action)| matches!(action, Action::Ended(..))).count(), 4);
    // The third one goes by itself, when the peer is heard of no more.
    for second in 0..400 {
        let later = Moment { instant: now.instant + Duration::from_secs(second), ..now };
        drop(actions(&mut a, later));
        drop(actions(&mut b, later));
    }
    for driver in [a, b] {
        let left = (driver.entries.len(), driver.by_id.len(), driver.asking.len());
        assert_eq!((left, driver.answered.len(), driver.due.len()), ((0, 0, 0), 0, 0));
        assert_eq!(driver.actions.len(), 0);
    }
}

#[test]
fn a_message_of_a_session_that_is_over_is_refused() {
    let now = moment();
    let [mut a, mut b] = ["a", "b"].map(|id| driver(id, Limits::default()));
    a.connect(address("b"), &seed(), now).unwrap();
    let rest = run(&mut [("a", &mut a), ("b", &mut b)], now);
    let (mine, theirs) = (opened(&rest, "a")[0], opened(&rest, "b")[0]);
    let late = a.send(mine, b"{}", now).unwrap();
    b.abort(theirs, End::NotTaken, now);
    let result = b.receive(&late.message, Incoming::default(), true, &seed(), now);
    assert!(matches!(result, Err(SessionError::OtherSession { kind: Kind::Data })));
    assert!(a.send(mine, b"{}", now).is_ok(), "it does not know yet");
}
