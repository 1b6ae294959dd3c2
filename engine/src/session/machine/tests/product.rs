//! Every message in every state, against the table.

use super::*;
use crate::session::RejectionCode;
use crate::session::message::Rejection;

/// A session in this state, and its peer where it has one.
fn standing(state: State, protection: &Protection) -> (Machine, Machine, Moment) {
    let Pair { mut a, b, now, .. } = pair(protection);
    match state {
        State::Initial => return (machine("a", protection.clone(), now), b, now),
        State::HelloSent => {
            let mut a = machine("a", protection.clone(), now);
            a.connect(&seed(), now).unwrap();
            return (a, b, now);
        }
        State::Established => {}
        State::Closing => drop(a.close(now).unwrap()),
        State::Closed => drop(a.abort(End::Closed, now)),
    }
    (a, b, now)
}

/// A message of the kind, as good as it can be for this session.
fn message(kind: Kind, a: &Machine, b: &mut Machine, now: Moment) -> Vec<u8> {
    let protection = a.settings.protection.clone();
    let none = || Rejection { code: RejectionCode::Unknown, message: String::new(), proof: None };
    match kind {
        Kind::Hello => machine("c", protection, now).connect(&seed(), now).unwrap(),
        Kind::Accept => {
            let mut c = machine("c", protection, now);
            match a.state() {
                State::HelloSent => answer(c.receive(&a.handshake, &seed(), now).unwrap()),
                _ => {
                    let hello = machine("d", c.settings.protection.clone(), now)
                        .connect(&seed(), now)
                        .unwrap();
                    answer(c.receive(&hello, &seed(), now).unwrap())
                }
            }
        }
        Kind::Reject if a.state() == State::HelloSent => {
            machine("c", protection, now).decline(&a.handshake, RejectionCode::Unknown, "no", now)
        }
        Kind::Reject => {
            Message { session_id: None, body: Body::Reject(none()), timestamp: 1 }.write()
        }
        Kind::Data => b.send(b"{}", now).unwrap(),
        Kind::Ping => b.ping(now).unwrap(),
        Kind::Pong => b.marked(Kind::Pong, Body::Pong, now),
        Kind::Close => b.close(now).unwrap(),
    }
}

#[test]
fn what_the_table_has_is_done_and_what_it_has_not_is_refused_and_changes_nothing() {
    for protection in [Protection::Off, Protection::Encrypted, organisation()] {
        for state in State::ALL {
            for kind in Kind::ALL {
                let (mut a, mut b, now) = standing(state, &protection);
                let bytes = message(kind, &a, &mut b, now);
                let before = format!("{a:?}");
                let result = a.receive(&bytes, &seed(), now);
                let allowed = after_receiving(state, kind);
                let case = format!("{kind:?} in {state:?} under {protection:?}");
                // Another HELLO than the one that was answered has no place in a session.
                if allowed.is_empty() || (state, kind) == (State::Established, Kind::Hello) {
                    let refused = matches!(
                        result,
                        Err(SessionError::Unexpected { kind: k, state: s }) if (k, s) == (kind, state)
                    );
                    assert!(refused, "{case}: {result:?}");
                    assert_eq!(format!("{a:?}"), before, "{case}");
                } else {
                    assert!(result.is_ok(), "{case}: {result:?}");
                    assert_eq!(a.state(), allowed[0], "{case}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_sent_is_refused_and_changes_nothing() {
    type Send = fn(&mut Machine, Moment) -> Result<Vec<u8>, SessionError>;
    let sends: [(Kind, Send); 4] = [
        (Kind::Hello, |machine, now| machine.connect(&seed(), now)),
        (Kind::Data, |machine, now| machine.send(b"{}", now)),
        (Kind::Ping, Machine::ping),
        (Kind::Close, Machine::close),
    ];
    for state in State::ALL {
        for (kind, send) in sends {
            let (mut machine, _, now) = standing(state, &Protection::Encrypted);
            let result = send(&mut machine, now);
            match after_sending(state, kind) {
                Some(next) => {
                    assert!(result.is_ok(), "{kind:?} in {state:?}: {result:?}");
                    assert_eq!(machine.state(), next);
                }
                None => {
                    assert!(
                        matches!(result, Err(SessionError::Unexpected { .. })),
                        "{kind:?} in {state:?}"
                    );
                    assert_eq!(machine.state(), state);
                }
            }
        }
        for kind in [Kind::Accept, Kind::Reject, Kind::Pong] {
            assert_eq!(after_sending(state, kind), None, "an answer only");
        }
    }
}

#[test]
fn the_answering_side_refuses_what_is_not_meant_for_it_as_well() {
    for kind in [Kind::Accept, Kind::Reject, Kind::Hello] {
        let Pair { a, mut b, now, .. } = pair(&Protection::Encrypted);
        let mut other = pair(&Protection::Encrypted).a;
        let bytes = message(kind, &a, &mut other, now);
        assert!(matches!(b.receive(&bytes, &seed(), now), Err(SessionError::Unexpected { .. })));
    }
}
