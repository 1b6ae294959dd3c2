//! Null payloads: nothing but a stamp speaks for them.

use m2m_engine::secure::{Danger, Mode, Policy, PolicyError, Replay, SecurityConfig};
use m2m_engine::{Config, Engine, Inbound, OpenError, Outbound, WrapError};

use super::{MODES, Message, REQUEST, at, config, engine, policy, with_policy};

const OUT: Outbound<'static> = Outbound {
    destination: "users",
    key: Some(b"7"),
    time: at0(),
    algorithm: None,
    tokenizer: None,
};

const fn at0() -> Option<std::time::SystemTime> {
    Some(std::time::UNIX_EPOCH)
}

fn open_null(
    engine: &Engine,
    headers: &[(&'static str, String)],
    inbound: &Inbound<'_>,
) -> Result<(), OpenError> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    engine.open_null(&Inbound { headers: &headers, ..*inbound })
}

fn here() -> Inbound<'static> {
    Inbound { key: Some(b"7"), time: at(1), ..Inbound::from("users") }
}

#[test]
fn only_a_stamp_for_this_topic_and_key_deletes() {
    for mode in MODES {
        let engine = engine(config(mode));
        let outbound = Outbound { time: at(0), ..OUT };
        let headers = engine.wrap_null(&outbound).unwrap();
        assert!(open_null(&engine, &headers, &here()).is_ok());
        let error = open_null(&engine, &[], &here()).unwrap_err();
        assert_eq!(policy(&error), PolicyError::Tombstone);
        for elsewhere in [
            Inbound { source: "orders", ..here() },
            Inbound { key: Some(b"8"), ..here() },
            Inbound { key: None, ..here() },
        ] {
            let error = open_null(&engine, &headers, &elsewhere).unwrap_err();
            assert!(matches!(error, OpenError::Elsewhere), "{error}");
        }
        // The stamp of a frame that was sent there is none of a null payload.
        let bound = super::engine(SecurityConfig { bind_destination: true, ..config(mode) });
        let frame = Message::wrapped(&bound, REQUEST, &outbound);
        let error = open_null(&engine, &frame.headers, &here()).unwrap_err();
        assert!(matches!(error, OpenError::Authentication), "{error}");
        // And the other way round.
        let swapped = Message { bytes: frame.bytes, headers };
        let error = swapped.open(&bound, &here()).unwrap_err();
        assert!(matches!(error, OpenError::Authentication), "{error}");
        let error = engine.wrap_null(&Outbound { time: None, ..outbound }).unwrap_err();
        assert!(matches!(error, WrapError::TimeMissing), "{error}");
    }
}

#[test]
fn a_tombstone_comes_once_where_replays_are_watched_for() {
    let replay = Some(Replay::default());
    let engine = engine(SecurityConfig { replay, ..config(Mode::Hmac) });
    let headers = engine.wrap_null(&Outbound { time: at(0), ..OUT }).unwrap();
    let arriving = |identity| Inbound { identity: Some(identity), ..here() };
    assert!(open_null(&engine, &headers, &arriving("users 0 1")).is_ok());
    assert!(open_null(&engine, &headers, &arriving("users 0 1")).is_ok());
    let error = open_null(&engine, &headers, &arriving("users 0 9")).unwrap_err();
    assert!(matches!(error, OpenError::Repeated), "{error}");
    assert_eq!(engine.repeated(), 1);
}

#[test]
fn what_is_not_required_is_taken_as_it_comes() {
    let danger = Danger { allow_tombstones: true, ..Danger::default() };
    let allowed = engine(SecurityConfig { danger, ..config(Mode::Aead) });
    assert!(open_null(&allowed, &[], &here()).is_ok());
    for policy in [Policy::Prefer, Policy::Off] {
        let engine = with_policy(Mode::Hmac, policy);
        assert!(open_null(&engine, &[], &here()).is_ok());
        let headers = engine.wrap_null(&Outbound { time: at(0), ..OUT }).unwrap();
        assert_eq!(headers.is_empty(), policy == Policy::Off);
    }
    let without = Engine::new(Config::default()).unwrap();
    assert!(without.wrap_null(&OUT).unwrap().is_empty());
    assert!(open_null(&without, &[], &here()).is_ok());
}
