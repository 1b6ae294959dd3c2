//! Keys and payloads stay out of everything that is printed.

use std::error::Error as _;

use m2m_engine::bus::headers::KEY_ID;
use m2m_engine::secure::{Danger, KeyMaterial, Keyring, Mode, SecurityConfig};
use m2m_engine::{Inbound, Outbound};

use super::{MODES, REQUEST, config, engine, key};

/// A key whose bytes show in no other number: 0xAB is 171.
fn told(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let raw = String::from_utf8_lossy(&[0xab; 4]).into_owned();
    text.contains("abab") || text.contains("171, 171") || text.contains(&raw)
}

#[test]
fn debug_shows_ids_and_no_bytes() {
    for mode in MODES {
        let ring = Keyring::new(key("k1", mode, 0xab));
        let ring = ring.with_retired(key("k2", mode, 0xcd)).unwrap();
        let security = SecurityConfig::new(ring.clone());
        let engine = engine(security.clone());
        let shown = format!("{ring:?} {security:#?} {engine:?} {:?}", ring.active());
        assert!(shown.contains("k1") && shown.contains("k2"));
        assert!(!told(&shown), "{shown}");
        assert!(!shown.contains("stamps: "), "{shown}");
    }
    assert!(told(&KeyMaterial::from([0xab; 32]).to_hex()), "the test would notice");
}

#[test]
fn errors_hold_neither_keys_nor_payloads() {
    let receiver = engine(SecurityConfig::new(Keyring::new(key("k1", Mode::Hmac, 0xab))));
    let wrapped = engine(config(Mode::Hmac)).wrap(REQUEST, &Outbound::default()).unwrap();
    let headers = [(KEY_ID, "somebody's secret id")];
    for inbound in [Inbound::default(), Inbound { headers: &headers, ..Inbound::default() }] {
        for message in [&wrapped.bytes[..], REQUEST] {
            let error = receiver.open(message, &inbound).unwrap_err();
            let mut shown = format!("{error} {error:?}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                shown += &format!(" {inner} {inner:?}");
                cause = inner.source();
            }
            assert!(!told(&shown) && !shown.contains("trains") && !shown.contains("secret"));
        }
    }
    let twice = Keyring::new(key("k1", Mode::Hmac, 0xab)).with_retired(key("k2", Mode::Aead, 0xab));
    assert!(!told(&format!("{:?}", twice.unwrap_err())));
}

/// What can be serialised of a configuration has no room for a key; that [`KeyMaterial`] itself cannot be is a doctest beside it.
#[test]
fn what_is_serialised_of_a_configuration_holds_no_key() {
    let danger = serde_json::to_string(&Danger::default()).unwrap();
    assert_eq!(danger, r#"{"policy":"require","allow_tombstones":false}"#);
    assert_eq!(serde_json::to_string(&Mode::Aead).unwrap(), r#""aead""#);
    let unknown = serde_json::from_str::<Danger>(r#"{"polcy":"off"}"#);
    assert!(unknown.unwrap_err().to_string().contains("polcy"));
}
