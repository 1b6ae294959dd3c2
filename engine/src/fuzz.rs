//! What must hold for every byte string: the bodies of the fuzz targets in `engine/fuzz/`, and of the property tests.

mod session;

use crate::config::{Config, Limits};
use crate::facts::FactReader;
use crate::flow::{Engine, Inbound, OpenError, Outbound, WrapError};
use crate::frame::{self, Form};
use crate::scan::{Finding, Outcome};
use crate::secure::{Key, KeyMaterial, Keyring, Mode, SecurityConfig};

pub use session::session;

/// An engine with limits that a fuzzer reaches.
#[must_use]
pub fn engine() -> Engine {
    let limits = Limits { frame: 1 << 16, inflated: 1 << 16, json_depth: 64 };
    match Engine::new(Config { limits, ..Config::default() }) {
        Ok(engine) => engine,
        Err(error) => unreachable!("{error}"),
    }
}

/// Two engines with limits that a fuzzer reaches, one that signs and one that encrypts, each requiring the same of others.
#[must_use]
pub fn secured_engines() -> [Engine; 2] {
    [Mode::Hmac, Mode::Aead].map(|mode| {
        let limits = Limits { frame: 1 << 16, inflated: 1 << 16, json_depth: 64 };
        let engine = Key::new("fuzz", mode, KeyMaterial::from([7; 32])).map(|key| {
            let security = Some(SecurityConfig::new(Keyring::new(key)));
            Engine::new(Config { limits, security, ..Config::default() })
        });
        match engine {
            Ok(Ok(engine)) => engine,
            Ok(Err(error)) => unreachable!("{error}"),
            Err(error) => unreachable!("{error}"),
        }
    })
}

/// A header is read or refused, never more than the bytes that are there; shorter bytes never show another header.
///
/// # Panics
/// When that does not hold.
pub fn peek(data: &[u8]) {
    let Ok(header) = frame::peek(data) else {
        return;
    };
    for len in 0..data.len().min(300) {
        if let Ok(shorter) = frame::peek(data.get(..len).unwrap_or_default()) {
            // As text, in which a cost that is not a number equals itself.
            assert_eq!(format!("{shorter:?}"), format!("{header:?}"), "cut to {len} bytes");
        }
    }
    let config = Config::default();
    let facts = FactReader::new(&config, 1 << 16);
    let read = facts.map(|facts| facts.read(data, |facts| facts.size));
    assert!(matches!(read, Ok(Ok(len)) if len == data.len()) || Form::of(data) == Form::M2mText);
}

/// Opening gives a payload within the limits or an error; what was wrapped opens to itself.
///
/// # Panics
/// When that does not hold.
pub fn open(engine: &Engine, data: &[u8]) {
    match engine.open(data, &Inbound::default()) {
        Ok(opened) => {
            assert!(opened.payload.len() <= 1 << 16 || opened.form == Form::Plain);
            assert!(opened.form != Form::Plain || opened.payload == data);
        }
        Err(
            OpenError::Frame(_)
            | OpenError::Secured { .. }
            | OpenError::Blocked { .. }
            | OpenError::Repeated
            | OpenError::FrameTooLong { .. }
            | OpenError::PayloadTooLong { .. }
            | OpenError::NoLlama3Tokenizer,
        ) => assert_ne!(Form::of(data), Form::Plain, "a plain payload is never refused"),
        Err(
            OpenError::Authentication
            | OpenError::Policy(_)
            | OpenError::Elsewhere
            | OpenError::Stale { .. }
            | OpenError::Early { .. }
            | OpenError::TimeMissing,
        ) => unreachable!("an engine without keys judges nothing by keys"),
    }
    round_trip(engine, data, &Outbound::default());
    grows_for_a_reason(engine, data);
}

/// With [`crate::Framing::Auto`], `wrap(x)` is `x` or shorter, but where `x` had to be told from a frame: by a header of schema custom then.
///
/// # Panics
/// When that does not hold.
pub fn grows_for_a_reason(engine: &Engine, data: &[u8]) {
    /// Prefix, fixed header, payload length, checksum.
    const CUSTOM: usize = 7 + 20 + 8;
    let Ok(wrapped) = engine.wrap(data, &Outbound::default()) else {
        return;
    };
    if Form::of(data) == Form::Plain {
        let stored = !wrapped.is_framed() && wrapped.bytes == data;
        assert!(stored || wrapped.bytes.len() < data.len(), "{} bytes grew", data.len());
    } else {
        assert!(wrapped.is_framed() && wrapped.bytes.len() <= data.len() + CUSTOM);
    }
}

/// Screening gives the same verdict whether the header's facts are read along or not, and again; what it found lies in the payload.
///
/// # Panics
/// When that does not hold.
pub fn scan(engine: &Engine, data: &[u8]) {
    let verdict = engine.judge(data);
    for Finding { range, pointer, rule, .. } in &verdict.findings {
        assert!(range.start < range.end && range.end <= data.len(), "{rule} at {range:?}");
        assert!(pointer.len() <= 1024 && (pointer.is_empty() || pointer.starts_with('/')));
    }
    assert!(engine.judge(data) == verdict, "another verdict the second time");
    match engine.wrap(data, &Outbound::default()) {
        Ok(wrapped) => assert!(wrapped.verdict == verdict, "another verdict on the way out"),
        Err(WrapError::Blocked { findings }) => {
            assert_eq!(
                (verdict.outcome, verdict.findings.len()),
                (Outcome::Blocked, findings.len())
            );
        }
        Err(_) => assert!(data.len() + 100 > 1 << 16, "refused below the limits"),
    }
}

fn breaks_a_limit(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.rule.starts_with("structure-"))
}

/// `open(wrap(x))` is `x`, unless `x` passes a structural limit of the screening.
///
/// # Panics
/// When that does not hold.
pub fn round_trip(engine: &Engine, data: &[u8], outbound: &Outbound<'_>) {
    let wrapped = match engine.wrap(data, outbound) {
        Ok(wrapped) => wrapped,
        Err(WrapError::Blocked { findings }) => {
            assert!(breaks_a_limit(&findings), "only structural limits block by default");
            return;
        }
        // The frame of data at the very limit can be longer than it.
        Err(_) => {
            assert!(data.len() + 100 > 1 << 16, "refused below the limits");
            return;
        }
    };
    match engine.open(&wrapped.bytes, &Inbound::default()) {
        Ok(opened) => {
            assert!(opened.payload == data, "another payload came out");
            assert_eq!(opened.is_framed(), wrapped.is_framed());
        }
        Err(error) => unreachable!("what was wrapped does not open: {error}"),
    }
}

/// What nobody with the key has secured is refused, as forged or for what it lacks, whatever stands in it; what was secured opens to
/// itself, and not after a bit of it was changed or its end cut off.
///
/// # Panics
/// When that does not hold.
pub fn open_secured(engines: &[Engine; 2], data: &[u8]) {
    for engine in engines {
        // As it is, and as what follows the prefix: the tag is 16 or 32 bytes, which no fuzzer finds.
        refused(engine, data);
        refused(engine, &[frame::M2M_PREFIX, data].concat());
        round_trip(engine, data, &Outbound::default());
        let Ok(wrapped) = engine.wrap(data, &Outbound::default()) else {
            continue;
        };
        let place =
            data.iter().fold(data.len(), |sum, byte| sum * 31 % 65_521 + usize::from(*byte));
        let mut frame = wrapped.bytes.into_owned();
        refused(engine, frame.get(..place % frame.len()).unwrap_or_default());
        let at = place % frame.len();
        if let Some(byte) = frame.get_mut(at) {
            *byte ^= 1 << (place % 8);
        }
        refused(engine, &frame);
    }
}

fn refused(engine: &Engine, message: &[u8]) {
    match engine.open(message, &Inbound::default()) {
        Err(OpenError::Authentication | OpenError::Policy(_) | OpenError::FrameTooLong { .. }) => {}
        Err(error) => unreachable!("more is told than is good: {error}"),
        Ok(_) => unreachable!("what nobody secured was opened"),
    }
}
