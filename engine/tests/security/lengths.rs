//! What the length of a message tells, and how to keep it from telling.

use std::collections::HashSet;

use m2m_engine::config::{Compression, ConfigError};
use m2m_engine::frame::{Body, Flags, peek};
use m2m_engine::secure::{Mode, SecurityConfig};
use m2m_engine::{Algorithm, Config, Engine, Inbound, Outbound};

use super::{REQUEST, config, forced};

fn padded(compression: Compression, padding: usize) -> Engine {
    let security = Some(SecurityConfig { padding: Some(padding), ..config(Mode::Aead) });
    Engine::new(Config { compression, security, ..Config::default() }).unwrap()
}

#[test]
fn padded_frames_tell_their_bucket_alone() {
    for compression in [Compression::On, Compression::Off] {
        let engine = padded(compression, 512);
        let mut headers = HashSet::new();
        for len in 0..900 {
            let payload =
                format!(r#"{{"model":"m","messages":[{{"content":"{}"}}]}}"#, "x".repeat(len));
            let frame = engine.wrap(payload.as_bytes(), &Outbound::default()).unwrap().bytes;
            assert!(frame.len().is_multiple_of(512), "{} bytes", frame.len());
            let header = peek(&frame).unwrap();
            assert_eq!(header.body, Body::None);
            headers.insert(frame[..27].to_vec());
            let opened = engine.open(&frame, &Inbound::default()).unwrap();
            assert_eq!(opened.payload, payload.as_bytes());
        }
        assert_eq!(headers.len(), 1, "no header tells payloads apart");
    }
}

#[test]
fn what_is_not_compressed_has_a_length_that_depends_on_its_length_alone() {
    let security = Some(config(Mode::Aead));
    let compression = Compression::Off;
    let engine = Engine::new(Config { compression, security, ..Config::default() }).unwrap();
    let guess = |guess: &str| {
        let payload = format!(r#"{{"secret":"token=7f3a99","said by an attacker":"{guess}"}}"#);
        let payload = payload.repeat(20);
        let frame = engine.wrap(payload.as_bytes(), &Outbound::default()).unwrap().bytes;
        assert!(!peek(&frame).unwrap().flags.contains(Flags::COMPRESSED));
        assert_eq!(engine.open(&frame, &Inbound::default()).unwrap().payload, payload.as_bytes());
        frame.len()
    };
    assert_eq!(guess("token=7f3a99"), guess("token=000000"));
}

#[test]
fn forms_that_compress_give_way_where_nothing_may_be() {
    let engine =
        Engine::new(Config { compression: Compression::Off, ..Config::default() }).unwrap();
    for algorithm in [Algorithm::Brotli, Algorithm::TokenNative, Algorithm::M2m] {
        let wrapped = engine.wrap(REQUEST, &forced(algorithm)).unwrap();
        assert_eq!(wrapped.algorithm, Algorithm::M2m);
        assert!(wrapped.bytes.ends_with(REQUEST));
    }
    assert_eq!(engine.wrap(REQUEST, &Outbound::default()).unwrap().bytes, REQUEST);
}

#[test]
fn a_bucket_has_bounds() {
    for (padding, fits) in [(63, false), (64, true), (65_536, true), (65_537, false)] {
        let security = Some(SecurityConfig { padding: Some(padding), ..config(Mode::Aead) });
        match Engine::new(Config { security, ..Config::default() }) {
            Ok(_) => assert!(fits, "{padding}"),
            Err(error) => {
                assert!(matches!(error, ConfigError::Padding { value } if value == padding));
                assert!(!fits);
            }
        }
    }
}
