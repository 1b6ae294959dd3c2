//! Everything weaker than what is required is refused, each for what it lacks.

use m2m_engine::frame::{Form, Security, peek};
use m2m_engine::secure::{Mode, Policy, PolicyError, SecurityConfig};
use m2m_engine::{Algorithm, Config, Engine, Framing, Inbound, OpenError, Outbound, WrapError};

use super::{MODES, REQUEST, config, engine, forced, policy, with_policy};

fn unsecured(algorithm: Algorithm) -> Vec<u8> {
    let engine = Engine::new(Config::default()).unwrap();
    engine.wrap(REQUEST, &forced(algorithm)).unwrap().bytes.into_owned()
}

#[test]
fn what_is_not_secured_is_refused_by_its_form() {
    let frame = unsecured(Algorithm::M2m);
    for mode in MODES {
        let engine = engine(config(mode));
        for (message, expected) in [
            (REQUEST.to_vec(), PolicyError::Plain),
            (Vec::new(), PolicyError::Plain),
            (frame.clone(), PolicyError::Unsigned),
            (m2m_engine::frame::to_text(&frame).into_owned(), PolicyError::Unsigned),
            (unsecured(Algorithm::TokenNative), PolicyError::TokenNative),
            (unsecured(Algorithm::Brotli), PolicyError::BrotliText),
        ] {
            let error = engine.open(&message, &Inbound::default()).unwrap_err();
            assert_eq!(policy(&error), expected);
        }
        let error = engine.open_token_ids(&[0, 1]).unwrap_err();
        assert_eq!(policy(&error), PolicyError::TokenNative);
    }
}

#[test]
fn a_signature_is_not_enough_where_encryption_is_required() {
    let signing = engine(config(Mode::Hmac));
    let signed = signing.wrap(REQUEST, &Outbound::default()).unwrap();
    let weak = PolicyError::TooWeak { found: Mode::Hmac, minimum: Mode::Aead };
    let error = engine(config(Mode::Aead)).open(&signed.bytes, &Inbound::default()).unwrap_err();
    assert_eq!(policy(&error), weak);
    // The minimum counts, not what the engine itself does; with the key at hand, too.
    let strict = engine(SecurityConfig { minimum: Some(Mode::Aead), ..config(Mode::Hmac) });
    let error = strict.open(&signed.bytes, &Inbound::default()).unwrap_err();
    assert_eq!(policy(&error), weak);
    // With a lower minimum it is a matter of keys, and a key that encrypts verifies no signature.
    let lax = engine(SecurityConfig { minimum: Some(Mode::Hmac), ..config(Mode::Aead) });
    let error = lax.open(&signed.bytes, &Inbound::default()).unwrap_err();
    assert!(matches!(error, OpenError::Authentication), "{error}");
}

#[test]
fn nothing_goes_out_unsecured_where_security_is_required() {
    for mode in MODES {
        let required = engine(config(mode));
        for algorithm in [Algorithm::Stored, Algorithm::TokenNative, Algorithm::Brotli] {
            let error = required.wrap(REQUEST, &forced(algorithm)).unwrap_err();
            assert!(
                matches!(error, WrapError::Unsecured { algorithm: refused } if refused == algorithm),
                "{error}"
            );
        }
        let error = required.wrap_token_ids(REQUEST, &Outbound::default()).unwrap_err();
        assert!(matches!(error, WrapError::Unsecured { .. }), "{error}");
        let security = Some(config(mode));
        let framing_off =
            Engine::new(Config { framing: Framing::Off, security, ..Config::default() }).unwrap();
        let error = framing_off.wrap(REQUEST, &Outbound::default()).unwrap_err();
        assert!(matches!(error, WrapError::Unsecured { algorithm: Algorithm::Stored }), "{error}");
        assert!(required.wrap(REQUEST, &forced(Algorithm::M2m)).is_ok());
    }
}

#[test]
fn with_a_key_every_payload_is_framed_and_secured() {
    for mode in MODES {
        for policy in [Policy::Require, Policy::Prefer] {
            let engine = with_policy(mode, policy);
            for payload in [&b""[..], b"x", b"{}", b"\xff\x00", b"#M2M|1|", b"#TK|C|", REQUEST] {
                let wrapped = engine.wrap(payload, &Outbound::default()).unwrap();
                assert_eq!(Form::of(&wrapped.bytes), Form::M2m);
                assert_eq!(peek(&wrapped.bytes).unwrap().security, mode.into());
                let opened = engine.open(&wrapped.bytes, &Inbound::default()).unwrap();
                assert_eq!((&*opened.payload, opened.security), (payload, mode.into()));
            }
        }
    }
}

#[test]
fn prefer_takes_in_what_is_not_secured_and_still_refuses_what_is_forged() {
    for mode in MODES {
        let engine = with_policy(mode, Policy::Prefer);
        for message in [REQUEST.to_vec(), unsecured(Algorithm::M2m), unsecured(Algorithm::Brotli)] {
            let opened = engine.open(&message, &Inbound::default()).unwrap();
            assert_eq!((&*opened.payload, opened.security), (REQUEST, Security::None));
        }
        let mut forged = engine.wrap(REQUEST, &Outbound::default()).unwrap().bytes.into_owned();
        *forged.last_mut().unwrap() ^= 1;
        let error = engine.open(&forged, &Inbound::default()).unwrap_err();
        assert!(matches!(error, OpenError::Authentication), "{error}");
        // What the caller forces, for a receiver that can read nothing else, goes out.
        let plain = engine.wrap(REQUEST, &forced(Algorithm::Stored)).unwrap();
        assert_eq!((&*plain.bytes, plain.headers.len()), (REQUEST, 0));
    }
}

#[test]
fn off_opens_what_is_secured_and_sends_nothing_that_is() {
    for mode in MODES {
        let engine = with_policy(mode, Policy::Off);
        let sent = engine.wrap(REQUEST, &Outbound::default()).unwrap();
        assert!(sent.headers.is_empty());
        assert_eq!(engine.open(&sent.bytes, &Inbound::default()).unwrap().security, Security::None);
        assert!(!engine.wrap(b"x", &Outbound::default()).unwrap().is_framed());
        let secured = super::engine(config(mode)).wrap(b"x", &Outbound::default()).unwrap();
        let opened = engine.open(&secured.bytes, &Inbound::default()).unwrap();
        assert_eq!((&*opened.payload, opened.security), (&b"x"[..], mode.into()));
    }
}

/// A relay holds no keys, and needs none: the header is clear.
#[test]
fn a_header_can_be_read_without_a_key_and_a_payload_cannot() {
    let relay = Engine::new(Config::default()).unwrap();
    for mode in MODES {
        let wrapped = engine(config(mode)).wrap(REQUEST, &Outbound::default()).unwrap();
        assert_eq!(peek(&wrapped.bytes).unwrap().model(), "gpt-4o");
        let error = relay.open(&wrapped.bytes, &Inbound::default()).unwrap_err();
        assert!(matches!(error, OpenError::Secured { mode: found } if found == mode.into()));
    }
}
