//! Sessions with the reference implementation itself, in both roles: `cargo test -p m2m-bench --features reference --test sessions`.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use m2m::protocol::{Capabilities, Message as Theirs, MessageType, Session as Reference};
use m2m_engine::secure::KeyMaterial;
use m2m_engine::session::{
    End, Machine, Moment, Protection, Received, RejectionCode, Seed, Settings, State,
};
use m2m_engine::{Config, Engine};

const PAYLOADS: [&str; 3] = [
    "Hello",
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello over a session"}]}"#,
    r#"{"model":"gpt-4o","messages":[{"role":"system","content":"Answer briefly, and answer in the language of the question, whatever it is."},{"role":"user","content":"Welche Züge fahren morgen früh?"}]}"#,
];

fn now() -> Moment {
    Moment::at(Instant::now(), SystemTime::now())
}

fn ours(protection: Protection) -> Machine {
    let settings = Settings::new("ours").with_protection(protection);
    let engine = Engine::new(Config::default()).unwrap();
    Machine::new(Arc::new(settings), Arc::new(engine), now())
}

fn seed() -> Seed {
    Seed::from_os().unwrap()
}

/// As the reference implementation reads it.
fn read(message: &[u8]) -> Theirs {
    Theirs::from_json(std::str::from_utf8(message).unwrap()).unwrap()
}

fn give(machine: &mut Machine, message: &Theirs) -> Received {
    machine.receive(message.to_json().unwrap().as_bytes(), &seed(), now()).unwrap()
}

fn answer(received: Received) -> Vec<u8> {
    match received {
        Received::Answer(answer) => answer,
        other => unreachable!("{other:?}"),
    }
}

/// Everything that the two can say to each other, once they have shaken hands.
fn talk(ours: &mut Machine, theirs: &mut Reference) {
    assert_eq!(ours.state(), State::Established);
    assert!(theirs.is_established());
    assert_eq!(ours.id(), theirs.id());
    for payload in PAYLOADS {
        let data = ours.send(payload.as_bytes(), now()).unwrap();
        assert_eq!(theirs.decompress(&read(&data)).unwrap(), payload);
        // It compresses JSON alone.
        if payload.starts_with('{') {
            let data = theirs.compress(payload).unwrap();
            assert_eq!(give(ours, &data), Received::Payload(payload.into()));
        }
    }
    let pong = theirs.process_message(&read(&ours.ping(now()).unwrap())).unwrap().unwrap();
    assert_eq!(give(ours, &pong), Received::Noted);
    let pong = read(&answer(give(ours, &Theirs::ping(theirs.id()))));
    assert_eq!(pong.msg_type, MessageType::Pong);
    let closed = read(&answer(give(ours, &theirs.close())));
    theirs.process_message(&closed).unwrap();
    assert_eq!(ours.end(), Some(&End::ClosedByPeer));
}

#[test]
fn we_say_hello() {
    // What we add, the other side passes over; without it there is no key.
    for protection in [Protection::Off, Protection::Prefer] {
        let (mut ours, mut theirs) = (ours(protection), Reference::new(Capabilities::default()));
        let hello = read(&ours.connect(&seed(), now()).unwrap());
        let accept = theirs.process_hello(&hello).unwrap();
        assert_eq!(give(&mut ours, &accept), Received::Noted);
        assert!(!ours.is_encrypted());
        talk(&mut ours, &mut theirs);
    }
}

#[test]
fn they_say_hello() {
    for protection in [Protection::Off, Protection::Prefer] {
        let (mut ours, mut theirs) = (ours(protection), Reference::new(Capabilities::default()));
        let accept = answer(give(&mut ours, &theirs.create_hello()));
        theirs.process_accept(&read(&accept)).unwrap();
        talk(&mut ours, &mut theirs);
    }
}

#[test]
fn who_insists_on_a_key_has_no_session_with_them() {
    for protection in [Protection::Encrypted, Protection::Authenticated(KeyMaterial::from([7; 32]))]
    {
        let mut theirs = Reference::new(Capabilities::default());
        let reject = read(&answer(give(&mut ours(protection.clone()), &theirs.create_hello())));
        assert_eq!(reject.msg_type, MessageType::Reject);
        assert!(theirs.process_reject(&reject).is_err(), "it knows the reason");
        assert_eq!(theirs.state(), m2m::protocol::SessionState::Closed);
    }
    let (mut ours, mut theirs) =
        (ours(Protection::Encrypted), Reference::new(Capabilities::default()));
    let hello = read(&ours.connect(&seed(), now()).unwrap());
    give(&mut ours, &theirs.process_hello(&hello).unwrap());
    assert_eq!(ours.end(), Some(&End::NotAgreed { code: RejectionCode::SecurityPolicy }));
}

#[test]
fn their_rejections_are_understood() {
    let mut ours = ours(Protection::Off);
    let hello = read(&ours.connect(&seed(), now()).unwrap());
    let newer = Capabilities { version: "9.0".to_owned(), ..Capabilities::default() };
    let reject = Reference::new(newer).process_hello(&hello).unwrap();
    give(&mut ours, &reject);
    let code = RejectionCode::VersionMismatch;
    assert!(matches!(ours.end(), Some(End::Rejected { code: theirs, .. }) if *theirs == code));
}

#[test]
fn they_read_the_messages_of_a_session_with_keys() {
    let organisation = Protection::Authenticated(KeyMaterial::from([7; 32]));
    let mut a = ours(organisation.clone());
    let settings = Settings::new("b").with_protection(organisation);
    let engine = Engine::new(Config::default()).unwrap();
    let mut b = Machine::new(Arc::new(settings), Arc::new(engine), now());
    let hello = a.connect(&seed(), now()).unwrap();
    let accept = answer(b.receive(&hello, &seed(), now()).unwrap());
    a.receive(&accept, &seed(), now()).unwrap();
    for (message, kind) in [
        (hello, MessageType::Hello),
        (accept, MessageType::Accept),
        (a.send(b"{}", now()).unwrap(), MessageType::Data),
        (a.ping(now()).unwrap(), MessageType::Ping),
        (a.close(now()).unwrap(), MessageType::Close),
    ] {
        assert_eq!(read(&message).msg_type, kind);
    }
}
