//! What happens when nothing comes, and when too much does.

use super::*;
use crate::session::settings::{Limits, Timeouts};

/// What is sent, in order, when a session is asked each second until it is over; and after how many seconds.
fn alone(machine: &mut Machine, from: Moment) -> (Vec<(u64, Kind)>, u64) {
    let mut sent = Vec::new();
    for second in 0..1_000 {
        let now = after(from, second);
        while let Due::Send(bytes) = machine.poll(now) {
            sent.push((second, Message::read(&bytes).unwrap().kind()));
        }
        if machine.state() == State::Closed {
            return (sent, second);
        }
    }
    unreachable!("it never ends: {machine:?}")
}

#[test]
fn a_peer_that_never_answers_is_asked_again_and_given_up_after_half_a_minute() {
    let now = moment();
    let mut a = machine("a", organisation(), now);
    let hello = a.connect(&seed(), now).unwrap();
    assert_eq!(a.poll(now), Due::At(now.instant + Duration::from_secs(5)));
    assert_eq!(a.poll(after(now, 5)), Due::Send(hello), "the same HELLO");
    let (sent, ended) = alone(&mut a, now);
    assert_eq!(sent, [10, 15, 20, 25].map(|second| (second, Kind::Hello)));
    assert_eq!((ended, a.end()), (30, Some(&End::NoAnswer { unproven: false })));
}

#[test]
fn a_wrong_answer_is_named_as_the_reason_in_the_end() {
    let now = moment();
    let mut a = machine("a", organisation(), now);
    let hello = a.connect(&seed(), now).unwrap();
    let mut b = machine("b", Protection::Encrypted, now);
    let accept = answer(b.receive(&hello, &seed(), now).unwrap());
    assert!(a.receive(&accept, &seed(), now).is_err());
    alone(&mut a, now);
    assert_eq!(a.end(), Some(&End::NoAnswer { unproven: true }));
}

#[test]
fn a_peer_that_misses_three_pongs_is_gone() {
    for protection in [Protection::Off, Protection::Encrypted] {
        let Pair { mut a, now, .. } = pair(&protection);
        let (sent, ended) = alone(&mut a, now);
        let ping = |minute: u64| (60 * minute, Kind::Ping);
        assert_eq!(sent, [ping(1), ping(2), ping(3), (240, Kind::Close)]);
        assert_eq!((ended, a.end()), (240, Some(&End::PeerGone { pings: 3 })));
    }
}

#[test]
fn a_peer_that_answers_stays() {
    let Pair { mut a, mut b, now, .. } = pair(&Protection::Encrypted);
    let mut pings = 0;
    for second in 0..3_600 {
        let now = after(now, second);
        while let Due::Send(ping) = a.poll(now) {
            pings += 1;
            let pong = answer(b.receive(&ping, &seed(), now).unwrap());
            a.receive(&pong, &seed(), now).unwrap();
        }
        while let Due::Send(ping) = b.poll(now) {
            let pong = answer(a.receive(&ping, &seed(), now).unwrap());
            b.receive(&pong, &seed(), now).unwrap();
        }
    }
    assert_eq!((a.state(), b.state()), (State::Established, State::Established));
    assert!((30..=60).contains(&pings), "{pings}");
}

#[test]
fn without_keep_alive_a_silent_session_ends_after_five_minutes() {
    let now = moment();
    let quiet = |id| Settings {
        timeouts: Timeouts { keep_alive: None, ..Timeouts::default() },
        ..settings(id, Protection::Off)
    };
    let (mut a, mut b) = (machine_of(quiet("a"), now), machine_of(quiet("b"), now));
    let hello = a.connect(&seed(), now).unwrap();
    let accept = answer(b.receive(&hello, &seed(), now).unwrap());
    a.receive(&accept, &seed(), now).unwrap();
    // Whatever goes in either direction counts.
    let data = a.send(b"{}", after(now, 200)).unwrap();
    b.receive(&data, &seed(), after(now, 200)).unwrap();
    for machine in [&mut a, &mut b] {
        let (sent, ended) = alone(machine, now);
        assert_eq!((ended, machine.end()), (500, Some(&End::Idle)));
        assert_eq!(sent, [(500, Kind::Close)]);
    }
}

#[test]
fn a_hello_whose_sender_never_shows_that_it_has_its_key_is_forgotten() {
    let Pair { mut b, now, .. } = pair(&organisation());
    let (sent, ended) = alone(&mut b, now);
    assert_eq!((ended, b.end()), (30, Some(&End::NoAnswer { unproven: false })));
    assert_eq!(sent.last(), Some(&(30, Kind::Close)));
    assert!(sent.iter().rev().skip(1).all(|(_, kind)| *kind == Kind::Ping));
}

#[test]
fn closing_waits_for_the_peer_and_not_for_ever() {
    let Pair { mut a, mut b, now, .. } = pair(&Protection::Encrypted);
    let under_way = b.send(b"{}", now).unwrap();
    let close = a.close(now).unwrap();
    assert_eq!(a.receive(&under_way, &seed(), now).unwrap(), Received::Payload(b"{}".to_vec()));
    let answered = answer(b.receive(&close, &seed(), now).unwrap());
    assert_eq!(b.end(), Some(&End::ClosedByPeer));
    let mut unanswered = pair(&Protection::Encrypted).a;
    unanswered.close(now).unwrap();
    assert_eq!(alone(&mut unanswered, now), (Vec::new(), 5));
    a.receive(&answered, &seed(), now).unwrap();
    assert_eq!((a.state(), a.end()), (State::Closed, Some(&End::Closed)));
}

#[test]
fn a_peer_that_sends_too_much_ends_the_session_and_forged_messages_do_not() {
    let now = moment();
    let slow = Settings {
        limits: Limits { messages_per_second: 10, ..Limits::default() },
        ..settings("b", Protection::Encrypted)
    };
    let (mut a, mut b) = (machine("a", Protection::Encrypted, now), machine_of(slow, now));
    let hello = a.connect(&seed(), now).unwrap();
    let accept = answer(b.receive(&hello, &seed(), now).unwrap());
    a.receive(&accept, &seed(), now).unwrap();
    let forged = pair(&Protection::Encrypted).a.send(b"{}", now).unwrap();
    for _ in 0..100 {
        assert!(b.receive(&forged, &seed(), now).is_err());
    }
    for _ in 0..10 {
        let data = a.send(b"{}", now).unwrap();
        b.receive(&data, &seed(), now).unwrap();
    }
    let data = a.send(b"{}", now).unwrap();
    assert!(matches!(b.receive(&data, &seed(), now), Err(SessionError::TooFast { limit: 10 })));
    assert_eq!(b.end(), Some(&End::TooFast));
}

#[test]
fn a_message_over_the_limit_is_not_even_read() {
    let now = moment();
    let limits = Limits { message: 64, ..Limits::default() };
    let mut b = machine_of(Settings { limits, ..settings("b", Protection::Off) }, now);
    let hello = machine("a", Protection::Off, now).connect(&seed(), now).unwrap();
    let result = b.receive(&hello, &seed(), now);
    assert!(matches!(result, Err(SessionError::Message(MessageError::TooLong { limit: 64, .. }))));
}
