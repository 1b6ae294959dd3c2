//! Keys are replaced without a message being lost.

use m2m_engine::bus::headers::KEY_ID;
use m2m_engine::config::ConfigError;
use m2m_engine::secure::{Key, KeyMaterial, Keyring, KeyringError, Mode, SecurityConfig};
use m2m_engine::{Config, Engine, Inbound, OpenError, Outbound};

use super::{MODES, Message, config, engine, key};

#[test]
fn consumers_then_producers_then_the_old_key_goes() {
    for mode in MODES {
        let (old, new) = (|| key("old", mode, 1), || key("new", mode, 2));
        let producer = engine(SecurityConfig::new(Keyring::new(old())));
        let consumer = engine(SecurityConfig::new(Keyring::new(old())));
        let sent = |id: &str| {
            let message = Message::wrapped(&producer, b"x", &Outbound::default());
            assert_eq!(message.header(KEY_ID), id);
            message
        };
        let opens = |message: &Message| message.open(&consumer, &Inbound::default());
        let first = sent("old");
        assert!(opens(&first).is_ok());
        consumer.replace_keys(Keyring::new(old()).with_retired(new()).unwrap()).unwrap();
        assert!(opens(&first).is_ok() && opens(&sent("old")).is_ok());
        producer.replace_keys(Keyring::new(new()).with_retired(old()).unwrap()).unwrap();
        let second = sent("new");
        assert!(opens(&first).is_ok() && opens(&second).is_ok());
        consumer.replace_keys(Keyring::new(new())).unwrap();
        assert!(matches!(opens(&first), Err(OpenError::Authentication)));
        assert!(opens(&second).is_ok());
    }
}

#[test]
fn from_signing_to_encrypting() {
    let ring = Keyring::new(key("encrypt", Mode::Aead, 2)).with_retired(key("sign", Mode::Hmac, 1));
    let minimum = Some(Mode::Hmac);
    let consumer = engine(SecurityConfig { minimum, ..SecurityConfig::new(ring.unwrap()) });
    for old_or_new in [key("sign", Mode::Hmac, 1), key("encrypt", Mode::Aead, 2)] {
        let producer = engine(SecurityConfig::new(Keyring::new(old_or_new)));
        let message = Message::wrapped(&producer, b"x", &Outbound::default());
        assert_eq!(message.open(&consumer, &Inbound::default()).unwrap(), b"x");
    }
}

#[test]
fn a_keyring_takes_no_key_twice_and_is_bounded() {
    let ring = || Keyring::new(key("k1", Mode::Hmac, 1));
    let same_id = ring().with_retired(key("k1", Mode::Hmac, 2)).unwrap_err();
    assert_eq!(same_id, KeyringError::Id { id: "k1".to_owned() });
    // Neither for another use, which would be the same bytes for two purposes.
    for mode in MODES {
        let same_bytes = ring().with_retired(key("k2", mode, 1)).unwrap_err();
        assert!(matches!(same_bytes, KeyringError::SameBytes { .. }), "{same_bytes}");
    }
    let mut full = ring();
    for byte in 2..=u8::try_from(Keyring::MAX).unwrap() {
        full = full.with_retired(key(&format!("k{byte}"), Mode::Hmac, byte)).unwrap();
    }
    let error = full.with_retired(key("more", Mode::Hmac, 99)).unwrap_err();
    assert_eq!(error, KeyringError::Full);
    assert!(Key::new("no spaces", Mode::Hmac, KeyMaterial::from([1; 32])).is_err());
}

#[test]
fn keys_are_replaced_only_where_there_are_keys_that_fit() {
    let without = Engine::new(Config::default()).unwrap();
    let ring = Keyring::new(key("k1", Mode::Hmac, 1));
    assert!(matches!(without.replace_keys(ring.clone()), Err(ConfigError::NoKeys)));
    let padded = engine(SecurityConfig { padding: Some(256), ..config(Mode::Aead) });
    assert!(matches!(padded.replace_keys(ring.clone()), Err(ConfigError::PaddingOfText)));
    let security = SecurityConfig { padding: Some(256), ..SecurityConfig::new(ring) };
    let refused = Engine::new(Config { security: Some(security), ..Config::default() });
    assert!(matches!(refused, Err(ConfigError::PaddingOfText)));
}
