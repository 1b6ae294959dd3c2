//! Ours against the reference implementation: encode, decode, peek, auto; and general compressors as context.

mod compare;
mod context;
mod peek;

use m2m::codec::CodecEngine;
use m2m::codec::m2m::SecurityMode;
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, SecurityConfig};
use m2m_engine::{Algorithm, Config, Engine, Framing, Inbound, Outbound};

use crate::data::Message;
use crate::hot::unscreened;
use crate::reference::Reference;
use crate::report::Report;
use crate::setup::Setup;
use compare::Action;

/// Told to make a frame, whatever its size.
fn framed() -> Outbound<'static> {
    Outbound { algorithm: Some(Algorithm::M2m), ..Outbound::to("bench") }
}

/// # Errors
/// When the engine refuses its configuration.
///
/// # Panics
/// When one side cannot open what the other wrote.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    let engine = unscreened(Framing::Always)?;
    let auto = unscreened(Framing::Auto)?;
    let pairs: Vec<Pair<'_>> =
        setup.messages.iter().map(|message| Pair::new(&engine, message)).collect();
    for (ours, theirs) in [(Mode::Hmac, SecurityMode::Hmac), (Mode::Aead, SecurityMode::Aead)] {
        secured(&pairs, ours, theirs)?;
    }
    println!(
        "interop: {} messages opened by the other side, both ways; HMAC, AEAD too",
        pairs.len()
    );
    let (reference, router) = (Reference, CodecEngine::new());
    let mut report = Report::default();
    compare::run(
        &mut report,
        setup.rounds,
        &pairs,
        &Action {
            name: "encode",
            note: "Into an M2M v1 frame of its own.",
            goal: Some(1.3),
            step: 1,
            ours: &|pair| engine.wrap(pair.json(), &framed()).unwrap().bytes.len(),
            theirs: &|pair| reference.encode(&pair.message.json).len(),
        },
    );
    compare::run(
        &mut report,
        setup.rounds,
        &pairs,
        &Action {
            name: "decode",
            note: "The same frames, written by the reference.",
            goal: Some(1.5),
            step: 1,
            ours: &|pair| engine.open(&pair.theirs, &Inbound::default()).unwrap().payload.len(),
            theirs: &|pair| reference.decode(&pair.theirs).len(),
        },
    );
    compare::run(
        &mut report,
        setup.rounds,
        &pairs,
        &Action {
            name: "auto",
            note: "What each does when it is not told how; the reference's result is text, in base64. Every tenth message.",
            goal: None,
            step: 10,
            ours: &|pair| auto.wrap(pair.json(), &Outbound::to("bench")).unwrap().bytes.len(),
            theirs: &|pair| router.compress_auto(&pair.message.json).unwrap().0.data.len(),
        },
    );
    peek::run(&mut report, &pairs, setup.rounds);
    context::run(&mut report, &engine, &pairs, setup.rounds);
    Ok(report)
}

/// Each side opens what the other signed or encrypted.
fn secured(pairs: &[Pair<'_>], ours: Mode, theirs: SecurityMode) -> anyhow::Result<()> {
    const KEY: [u8; 32] = [7; 32];
    let keys = Keyring::new(Key::new("bench", ours, KeyMaterial::from(KEY))?);
    let security = Some(SecurityConfig::new(keys));
    let engine = Engine::new(Config { security, ..Config::default() })?;
    for pair in pairs {
        let json = &pair.message.json;
        let frame = engine.wrap(pair.json(), &framed())?.bytes;
        assert_eq!(Reference.unseal(&frame, KEY), *json, "{} of ours", ours.name());
        let frame = Reference.seal(json, theirs, KEY);
        let opened = engine.open(&frame, &Inbound::default())?;
        assert_eq!(opened.payload, pair.json(), "{} of the reference", ours.name());
    }
    Ok(())
}

/// A message, and both frames of it.
struct Pair<'a> {
    message: &'a Message,
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

impl<'a> Pair<'a> {
    fn json(&self) -> &'a [u8] {
        self.message.json.as_bytes()
    }

    /// Both frames, each opened by the other side.
    fn new(engine: &Engine, message: &'a Message) -> Self {
        let json = &message.json;
        let ours = engine.wrap(json.as_bytes(), &framed()).unwrap().bytes.into_owned();
        let theirs = Reference.encode(json);
        assert_eq!(Reference.decode(&ours), *json, "the reference opens ours to something else");
        let opened = engine.open(&theirs, &Inbound::default()).unwrap();
        assert_eq!(opened.payload, json.as_bytes(), "we open the reference's to something else");
        Self { message, ours, theirs }
    }
}
