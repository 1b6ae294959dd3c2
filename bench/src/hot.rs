//! The hot paths, one by one, for counting what they do rather than how long it takes.

use std::hint::black_box;

use m2m_engine::scan::{Danger, ScanConfig};
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, SecurityConfig};
use m2m_engine::{Algorithm, Config, Engine, Framing, Inbound, Outbound, frame};

use crate::data::Kind;
use crate::traffic;

/// An engine that screens nothing: what is compared with it screens nothing either.
///
/// # Errors
/// When the engine refuses its configuration.
pub fn unscreened(framing: Framing) -> anyhow::Result<Engine> {
    let danger = Danger { off: true, ..Danger::default() };
    let scan = ScanConfig { danger, ..ScanConfig::default() };
    Ok(Engine::new(Config { framing, scan, ..Config::default() })?)
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub enum Path {
    /// A payload into a frame.
    Wrap,
    /// The same, screened by an engine that remembers nothing.
    WrapScreened,
    /// The same, screened, when it has been judged before.
    WrapSeen,
    /// The same, encrypted.
    WrapSealed,
    /// A payload that is stored.
    WrapStored,
    /// As it is, with framing off.
    WrapOff,
    /// A frame back into its payload.
    Open,
    /// The same, encrypted.
    OpenSealed,
    /// A plain payload passed through.
    OpenPlain,
    /// A frame's header.
    Peek,
}

impl Path {
    fn engine(self) -> anyhow::Result<Engine> {
        let screened = |scan| Ok(Engine::new(Config { scan, ..Config::default() })?);
        match self {
            Self::WrapScreened => screened(ScanConfig { remembered: 0, ..ScanConfig::default() }),
            Self::WrapSeen => screened(ScanConfig::default()),
            Self::WrapSealed | Self::OpenSealed => {
                let key = Key::new("hot", Mode::Aead, KeyMaterial::from([7; 32]))?;
                let security = Some(SecurityConfig::new(Keyring::new(key)));
                let danger = Danger { off: true, ..Danger::default() };
                let scan = ScanConfig { danger, ..ScanConfig::default() };
                Ok(Engine::new(Config { scan, security, ..Config::default() })?)
            }
            Self::WrapOff => unscreened(Framing::Off),
            _ => unscreened(Framing::Auto),
        }
    }
}

/// A hot path on a message of a kind: from the generator, so that everybody counts the same.
pub struct Hot {
    path: Path,
    engine: Engine,
    payload: Vec<u8>,
    frame: Vec<u8>,
}

impl Hot {
    /// All that are counted, by name.
    pub const ALL: [(&'static str, Path, Kind, usize); 15] = [
        ("wrap request 2 KB", Path::Wrap, Kind::Requests, 2_000),
        ("wrap request 20 KB", Path::Wrap, Kind::Requests, 20_000),
        ("wrap request 2 KB, screened", Path::WrapScreened, Kind::Requests, 2_000),
        ("wrap request 2 KB, seen before", Path::WrapSeen, Kind::Requests, 2_000),
        ("wrap response", Path::Wrap, Kind::Responses, 700),
        ("wrap response, AEAD", Path::WrapSealed, Kind::Responses, 700),
        ("wrap, stored, 100 B", Path::WrapStored, Kind::Events, 100),
        ("wrap, framing off", Path::WrapOff, Kind::Responses, 700),
        ("open request 2 KB", Path::Open, Kind::Requests, 2_000),
        ("open request 20 KB", Path::Open, Kind::Requests, 20_000),
        ("open response", Path::Open, Kind::Responses, 700),
        ("open response, AEAD", Path::OpenSealed, Kind::Responses, 700),
        ("open, plain", Path::OpenPlain, Kind::Responses, 700),
        ("peek request", Path::Peek, Kind::Requests, 2_000),
        ("peek response", Path::Peek, Kind::Responses, 700),
    ];

    /// The one of that name.
    ///
    /// # Errors
    /// When there is none, or the engine refuses its configuration.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let found = Self::ALL.into_iter().find(|(known, ..)| *known == name);
        let (_, path, kind, size) =
            found.ok_or_else(|| anyhow::anyhow!("no hot path is called {name:?}"))?;
        let payload = match path {
            Path::WrapStored => br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Which trains go to Ghent, and when?"}]}"#.to_vec(),
            _ => nearest(kind, size),
        };
        let engine = path.engine()?;
        let forced = Outbound { algorithm: Some(Algorithm::M2m), ..Outbound::to("hot") };
        let frame = match path {
            Path::OpenSealed => engine.wrap(&payload, &forced)?.bytes.into_owned(),
            _ => unscreened(Framing::Auto)?.wrap(&payload, &forced)?.bytes.into_owned(),
        };
        Ok(Self { path, engine, payload, frame })
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// Goes down it once.
    ///
    /// # Panics
    /// When the engine refuses the message.
    pub fn go(&self) {
        let open = |message| {
            black_box(self.engine.open(black_box(message), &Inbound::from("hot")).unwrap());
        };
        match self.path {
            Path::Open | Path::OpenSealed => open(&self.frame),
            Path::OpenPlain => open(&self.payload),
            Path::Peek => {
                black_box(frame::peek(black_box(&self.frame)).unwrap());
            }
            _ => {
                let outbound = Outbound::to("hot");
                black_box(self.engine.wrap(black_box(&self.payload), &outbound).unwrap());
            }
        }
    }
}

/// The generated message of a kind whose size is nearest to this.
fn nearest(kind: Kind, size: usize) -> Vec<u8> {
    let of_kind = traffic::generate(1, 40).into_iter().filter(|message| message.kind == kind);
    let nearest = of_kind.min_by_key(|message| message.json.len().abs_diff(size));
    nearest.map(|message| message.json.into_bytes()).unwrap_or_default()
}
