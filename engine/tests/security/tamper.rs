//! One error for everything that nobody with the key has made, and nothing in it about why.

use m2m_engine::bus::headers::KEY_ID;
use m2m_engine::secure::{Keyring, Mode, PolicyError, SecurityConfig};
use m2m_engine::{Config, Engine, Inbound, OpenError, Outbound, frame, fuzz};
use proptest::prelude::*;

use super::{MODES, Message, REQUEST, config, engine, key};

const PREFIX: usize = frame::M2M_PREFIX.len();

fn assert_forged(error: OpenError, what: &str) {
    assert!(matches!(error, OpenError::Authentication), "{what}: {error:?}");
    assert_eq!(error.to_string(), "the message is not authentic");
}

#[test]
fn a_changed_bit_anywhere_is_forgery() {
    for mode in MODES {
        let engine = engine(config(mode));
        for payload in [&b""[..], b"{}", REQUEST] {
            let frame = engine.wrap(payload, &Outbound::default()).unwrap().bytes.into_owned();
            for bit in 0..frame.len() * 8 {
                let mut changed = frame.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let error = engine.open(&changed, &Inbound::default()).unwrap_err();
                if bit / 8 < PREFIX {
                    assert!(matches!(error, OpenError::Policy(PolicyError::Plain)), "{error:?}");
                } else {
                    assert_forged(error, &format!("{mode}, bit {bit}"));
                }
            }
        }
    }
}

#[test]
fn an_end_cut_off_anywhere_is_forgery_and_so_is_an_end_put_on() {
    for mode in MODES {
        let engine = engine(config(mode));
        let binary = engine.wrap(REQUEST, &Outbound::default()).unwrap().bytes.into_owned();
        for frame in [frame::to_text(&binary).into_owned(), binary] {
            assert!(engine.open(&frame, &Inbound::default()).is_ok());
            for len in PREFIX..frame.len() {
                let error = engine.open(&frame[..len], &Inbound::default()).unwrap_err();
                assert_forged(error, &format!("{mode}, {len} bytes"));
            }
            let longer = [&frame[..], b"\0"].concat();
            assert_forged(engine.open(&longer, &Inbound::default()).unwrap_err(), "longer");
        }
    }
}

#[test]
fn a_changed_character_of_the_text_form_is_forgery() {
    for mode in MODES {
        let engine = engine(config(mode));
        let binary = engine.wrap(REQUEST, &Outbound::default()).unwrap().bytes.into_owned();
        let text = frame::to_text(&binary).into_owned();
        for at in PREFIX..text.len() {
            for other in [b'A', b'z', b'=', b'!', 0, 0xff] {
                let mut changed = text.clone();
                changed[at] = other;
                if changed != text {
                    let error = engine.open(&changed, &Inbound::default()).unwrap_err();
                    assert_forged(error, &format!("{mode}, character {at}"));
                }
            }
        }
    }
}

/// Lengths that lie, and a payload that is no Brotli: not looked at before the tag is right.
#[test]
fn nothing_of_the_body_is_looked_at_first() {
    let limits = m2m_engine::Limits { inflated: 64, ..m2m_engine::Limits::default() };
    for mode in MODES {
        let sender = engine(config(mode));
        let frame = sender.wrap(&[b'x'; 5000], &Outbound::default()).unwrap().bytes.into_owned();
        let security = Some(config(mode));
        let strict = Engine::new(Config { limits, security, ..Config::default() }).unwrap();
        let error = strict.open(&frame, &Inbound::default()).unwrap_err();
        assert!(matches!(error, OpenError::PayloadTooLong { limit: 64 }), "{error}");
        let other = SecurityConfig::new(Keyring::new(key("k1", mode, 2)));
        let other = Engine::new(Config { limits, security: Some(other), ..Config::default() });
        let error = other.unwrap().open(&frame, &Inbound::default()).unwrap_err();
        assert_forged(error, "what it would inflate to is not told");
    }
}

#[test]
fn another_key_another_id_and_a_key_of_another_mode_look_the_same() {
    for mode in MODES {
        let message = Message::wrapped(&engine(config(mode)), REQUEST, &Outbound::default());
        let other_mode = MODES[usize::from(mode == Mode::Hmac)];
        // The right bytes under another id; other bytes under the right one; the right bytes for another mode.
        for (id, mode, byte) in [("k2", mode, 1), ("k1", mode, 2), ("k1", other_mode, 1)] {
            let minimum = Some(Mode::Hmac);
            let keys = Keyring::new(key(id, mode, byte));
            let engine = engine(SecurityConfig { minimum, ..SecurityConfig::new(keys) });
            let error = message.open(&engine, &Inbound::default()).unwrap_err();
            assert_forged(error, id);
        }
        let receiver = engine(config(mode));
        for id in ["k2", "", "K1", "k1 ", "\u{0}"] {
            let changed =
                Message { bytes: message.bytes.clone(), headers: vec![(KEY_ID, id.to_owned())] };
            assert_forged(changed.open(&receiver, &Inbound::default()).unwrap_err(), id);
        }
        // Without an id the keys are tried one after the other.
        let bare = Message { bytes: message.bytes.clone(), headers: Vec::new() };
        assert_eq!(bare.open(&receiver, &Inbound::default()).unwrap(), REQUEST);
    }
}

/// With a key for each mode in the ring, an id that was changed to the other's opens nothing.
#[test]
fn an_id_does_not_make_a_key_serve_another_purpose() {
    let keys = |active, retired| Keyring::new(active).with_retired(retired).unwrap();
    let sign = || key("sign", Mode::Hmac, 1);
    let encrypt = || key("encrypt", Mode::Aead, 2);
    let minimum = Some(Mode::Hmac);
    let receiver =
        engine(SecurityConfig { minimum, ..SecurityConfig::new(keys(sign(), encrypt())) });
    for (sender, right, wrong) in [
        (SecurityConfig::new(keys(sign(), encrypt())), "sign", "encrypt"),
        (SecurityConfig::new(keys(encrypt(), sign())), "encrypt", "sign"),
    ] {
        let message = Message::wrapped(&engine(sender), REQUEST, &Outbound::default());
        assert_eq!(message.header(KEY_ID), right);
        assert_eq!(message.open(&receiver, &Inbound::default()).unwrap(), REQUEST);
        let changed = Message { bytes: message.bytes, headers: vec![(KEY_ID, wrong.to_owned())] };
        assert_forged(changed.open(&receiver, &Inbound::default()).unwrap_err(), wrong);
    }
}

proptest! {
    #[test]
    fn nobody_without_the_key_gets_anything_opened(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz::open_secured(&fuzz::secured_engines(), &data);
    }

    #[test]
    fn nor_by_something_that_begins_as_a_secured_frame(mode in 1..=2_u8, header in 20..40_u8, rest in prop::collection::vec(any::<u8>(), 16..300)) {
        let data = [&[header, 0, 1, mode], &rest[..]].concat();
        fuzz::open_secured(&fuzz::secured_engines(), &data);
    }
}
