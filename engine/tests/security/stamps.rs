//! Replays, and messages that turn up elsewhere.

use std::time::Duration;

use m2m_engine::bus::headers::{KEY_ID, STAMP};
use m2m_engine::secure::{Danger, Policy, PolicyError, Replay, SecurityConfig};
use m2m_engine::{Engine, Inbound, OpenError, Outbound, WrapError};

use super::{MODES, Message, REQUEST, at, config, engine, policy};

fn replay(mode: m2m_engine::secure::Mode) -> SecurityConfig {
    SecurityConfig { replay: Some(Replay::default()), ..config(mode) }
}

fn sent(engine: &Engine, seconds: u64) -> Message {
    Message::wrapped(engine, REQUEST, &Outbound { time: at(seconds), ..Outbound::to("orders") })
}

/// With another payload: signed frames of the same one are the same bytes, whose stamps fit either.
fn another(engine: &Engine) -> Message {
    let outbound = Outbound { time: at(0), ..Outbound::to("orders") };
    Message::wrapped(engine, b"another", &outbound)
}

fn arriving(identity: &str, seconds: u64) -> Inbound<'_> {
    Inbound { identity: Some(identity), time: at(seconds), ..Inbound::from("orders") }
}

#[test]
fn what_came_before_is_refused_and_counted_and_a_redelivery_is_not() {
    for mode in MODES {
        let engine = engine(replay(mode));
        let message = sent(&engine, 0);
        assert_eq!(message.open(&engine, &arriving("S 1", 1)).unwrap(), REQUEST);
        assert_eq!(message.open(&engine, &arriving("S 1", 2)).unwrap(), REQUEST);
        assert_eq!(engine.repeated(), 0);
        let error = message.open(&engine, &arriving("S 2", 3)).unwrap_err();
        assert!(matches!(error, OpenError::Repeated), "{error}");
        assert_eq!(engine.repeated(), 1);
        // The same payload sent again by its sender is another message.
        assert!(sent(&engine, 0).open(&engine, &arriving("S 3", 3)).is_ok());
    }
}

#[test]
fn what_is_too_old_or_too_early_is_refused_by_the_consumers_clock() {
    for mode in MODES {
        let engine = engine(replay(mode));
        let message = sent(&engine, 1000);
        let error = message.open(&engine, &arriving("S 1", 1601)).unwrap_err();
        let (age, window) = (Duration::from_secs(601), Duration::from_secs(600));
        assert!(
            matches!(error, OpenError::Stale { age: a, window: w } if a == age && w == window),
            "{error}"
        );
        let error = message.open(&engine, &arriving("S 1", 939)).unwrap_err();
        assert!(matches!(error, OpenError::Early { .. }), "{error}");
        let error = message.open(&engine, &Inbound { time: None, ..arriving("S 1", 0) });
        assert!(matches!(error, Err(OpenError::TimeMissing)));
        assert!(message.open(&engine, &arriving("S 1", 1600)).is_ok());
        let error = engine.wrap(REQUEST, &Outbound::to("orders")).unwrap_err();
        assert!(matches!(error, WrapError::TimeMissing), "{error}");
    }
}

#[test]
fn a_stamp_cannot_be_left_out_changed_or_put_on_another_frame() {
    for mode in MODES {
        let engine = engine(replay(mode));
        let (one, two) = (sent(&engine, 0), another(&engine));
        let stamped = |stamp: Option<&str>| {
            let mut headers = vec![(KEY_ID, "k1".to_owned())];
            headers.extend(stamp.map(|stamp| (STAMP, stamp.to_owned())));
            Message { bytes: one.bytes.clone(), headers }.open(&engine, &arriving("S 1", 1))
        };
        let error = stamped(None).unwrap_err();
        assert_eq!(policy(&error), PolicyError::NoStamp);
        for wrong in [two.header(STAMP), "", "AQAA"] {
            assert!(matches!(stamped(Some(wrong)), Err(OpenError::Authentication)), "{wrong}");
        }
        // Nothing of this has taken the message's place in the window.
        assert!(stamped(Some(one.header(STAMP))).is_ok());
    }
}

#[test]
fn under_prefer_a_stamp_may_be_missing_and_must_not_be_wrong() {
    for mode in MODES {
        let danger = Danger { policy: Policy::Prefer, ..Danger::default() };
        let engine = engine(SecurityConfig { danger, bind_destination: true, ..replay(mode) });
        let (one, two) = (sent(&engine, 0), another(&engine));
        let bare = Message { bytes: one.bytes.clone(), headers: Vec::new() };
        assert!(bare.open(&engine, &arriving("S 1", 1)).is_ok());
        let wrong = Message { bytes: one.bytes.clone(), headers: two.headers };
        let error = wrong.open(&engine, &arriving("S 1", 1)).unwrap_err();
        assert!(matches!(error, OpenError::Authentication), "{error}");
        assert!(one.open(&engine, &arriving("S 1", 1)).is_ok());
    }
}

#[test]
fn a_captured_message_does_not_open_at_another_destination_or_under_another_key() {
    for mode in MODES {
        let engine = engine(SecurityConfig { bind_destination: true, ..config(mode) });
        let outbound = Outbound { key: Some(b"7"), time: at(0), ..Outbound::to("orders") };
        let message = Message::wrapped(&engine, REQUEST, &outbound);
        let here = Inbound { key: Some(b"7"), ..Inbound::from("orders") };
        assert!(message.open(&engine, &here).is_ok());
        for elsewhere in [
            Inbound { source: "payments", ..here },
            Inbound { key: Some(b"8"), ..here },
            Inbound { key: None, ..here },
        ] {
            let error = message.open(&engine, &elsewhere).unwrap_err();
            assert!(matches!(error, OpenError::Elsewhere), "{error}");
        }
        // A sender that does not bind: its stamp says nothing of a place.
        let unbound = sent(&super::engine(replay(mode)), 0);
        let error = unbound.open(&engine, &here).unwrap_err();
        assert_eq!(policy(&error), PolicyError::Unbound);
        // A consumer behind a relay that renames does not ask.
        assert!(message.open(&super::engine(config(mode)), &Inbound::from("payments")).is_ok());
    }
}
