//! What signing and encrypting add to a message's way through the engine, against the primitives called directly on the same bytes.

use std::hint::black_box;

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use hmac::{Hmac, Mac as _};
use m2m_engine::config::Compression;
use m2m_engine::frame::M2M_PREFIX;
use m2m_engine::scan::{Danger, ScanConfig};
use m2m_engine::secure::{Key, KeyMaterial, Keyring, Mode, SecurityConfig};
use m2m_engine::{Algorithm, Config, Engine, Inbound, Outbound};
use sha2::Sha256;

use crate::report::{Plot, Report, Table};
use crate::setup::Setup;
use crate::timing::{Rounds, interleave};

const SIZES: [(&str, usize); 4] =
    [("200 B", 200), ("2 KB", 2 << 10), ("16 KB", 16 << 10), ("256 KB", 256 << 10)];
/// Bytes that each side works on in a round, so that a round takes milliseconds.
const ROUND: usize = 8 << 20;
const KEY: [u8; 32] = [7; 32];
/// Bytes of a header that tells nothing of its payload, which all of these are.
const HEADER: usize = 20;
const NONCE: usize = 12;

const COLUMNS: [&str; 5] = [
    "message",
    "without keys, µs",
    "with keys, µs",
    "primitive, µs",
    "added / primitive (quartiles)",
];

/// # Errors
/// When the engine refuses its configuration or a message.
///
/// # Panics
/// When the primitive does not open what the engine secured.
pub fn run(setup: &Setup) -> anyhow::Result<Report> {
    let plain = engine(None)?;
    let mut report = Report::default();
    for (mode, [out, back]) in [(Mode::Hmac, ["sign", "verify"]), (Mode::Aead, ["seal", "unseal"])]
    {
        let keys = Keyring::new(Key::new("bench", mode, KeyMaterial::from(KEY))?);
        let secured = engine(Some(SecurityConfig::new(keys)))?;
        let note = format!(
            "Random bytes in M2M frames, neither compressed nor screened. Added: with keys, less the same without. Primitive: {}, on the same bytes.",
            match mode {
                Mode::Hmac => "the crates hmac and sha2, with the key's set-up",
                Mode::Aead =>
                    "the crate chacha20poly1305, in place or from frame to buffer, with the key's set-up and the nonce from the operating system",
            }
        );
        let title = format!("{mode}: {out} and {back}");
        let mut table = Table::new(&title, &note, &COLUMNS);
        let mut plot = Plot::new(
            &format!("secure-{mode}"),
            &format!("{title}: times the primitive (less is better)"),
            Some(1.2),
        );
        for (name, len) in SIZES {
            let repeats = if setup.smoke { 1 } else { ROUND / len };
            let [wrap, open] = measure(setup.rounds, repeats, [&plain, &secured], mode, len)?;
            for (action, sides) in [(out, wrap), (back, open)] {
                let micros =
                    |rounds: &Rounds| format!("{:.2}", rounds.median() / 1e3 / repeats as f64);
                let [without, with, primitive] = &sides;
                let ratio = with.less(without).over(primitive);
                let row = format!("{action} {name}");
                table.row([
                    row.clone(),
                    micros(without),
                    micros(with),
                    micros(primitive),
                    ratio.spread(),
                ]);
                plot.bar(row, ratio.median());
            }
        }
        report.tables.push(table);
        report.plots.push(plot);
    }
    Ok(report)
}

/// One that does little but secure.
fn engine(security: Option<SecurityConfig>) -> anyhow::Result<Engine> {
    let danger = Danger { off: true, ..Danger::default() };
    let scan = ScanConfig { danger, ..ScanConfig::default() };
    let compression = Compression::Off;
    Ok(Engine::new(Config { compression, scan, security, ..Config::default() })?)
}

/// Out and back: without keys, with keys, the primitive.
fn measure(
    rounds: usize,
    repeats: usize,
    [plain, secured]: [&Engine; 2],
    mode: Mode,
    len: usize,
) -> anyhow::Result<[[Rounds; 3]; 2]> {
    let mut payload = vec![0; len];
    fastrand::Rng::with_seed(1).fill(&mut payload);
    let framed = Outbound { algorithm: Some(Algorithm::M2m), ..Outbound::to("bench") };
    let plain_frame = plain.wrap(&payload, &framed)?.bytes.into_owned();
    let secured_frame = secured.wrap(&payload, &framed)?;
    let headers: Vec<_> =
        secured_frame.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let inbound = Inbound { headers: &headers, ..Inbound::from("bench") };
    let wrap = |engine: &Engine| {
        (0..repeats)
            .for_each(|_| _ = black_box(engine.wrap(black_box(&payload), &framed).unwrap()));
    };
    let open = |engine: &Engine, frame: &[u8]| {
        (0..repeats).for_each(|_| _ = black_box(engine.open(black_box(frame), &inbound).unwrap()));
    };
    let mut bare = Bare::new(mode, &secured_frame.bytes);
    bare.open();
    assert!(bare.ends_with(&payload), "the primitive opens {mode} to something else");
    let mut other = Bare::new(mode, &secured_frame.bytes);
    let [without, with, primitive, open_without, open_with, open_primitive] = interleave(
        rounds,
        [
            &mut || wrap(plain),
            &mut || wrap(secured),
            &mut || (0..repeats).for_each(|_| bare.close()),
            &mut || open(plain, &plain_frame),
            &mut || open(secured, &secured_frame.bytes),
            &mut || (0..repeats).for_each(|_| other.open()),
        ],
    );
    Ok([[without, with, primitive], [open_without, open_with, open_primitive]])
}

/// What the primitive works on: the parts of a secured frame.
enum Bare<'a> {
    Hmac { signed: &'a [u8], tag: &'a [u8] },
    Aead { header: &'a [u8], nonce: Nonce, encrypted: &'a [u8], tag: Tag, buffer: Vec<u8> },
}

impl<'a> Bare<'a> {
    fn new(mode: Mode, frame: &'a [u8]) -> Self {
        let bytes = &frame[M2M_PREFIX.len()..];
        match mode {
            Mode::Hmac => {
                let (signed, tag) = bytes.split_last_chunk::<32>().unwrap();
                Self::Hmac { signed, tag }
            }
            Mode::Aead => {
                let (header, rest) = bytes.split_at(HEADER);
                let (nonce, rest) = rest.split_first_chunk::<NONCE>().unwrap();
                let (encrypted, tag) = rest.split_last_chunk::<16>().unwrap();
                let buffer = encrypted.to_vec();
                Self::Aead { header, nonce: (*nonce).into(), encrypted, tag: (*tag).into(), buffer }
            }
        }
    }

    /// Signs, or encrypts in place.
    fn close(&mut self) {
        match self {
            Self::Hmac { signed, .. } => {
                let mut mac = Hmac::<Sha256>::new_from_slice(black_box(&KEY)).unwrap();
                mac.update(black_box(signed));
                black_box(mac.finalize().into_bytes());
            }
            Self::Aead { header, buffer, .. } => {
                let mut nonce = Nonce::default();
                getrandom::fill(&mut nonce).unwrap();
                let cipher = ChaCha20Poly1305::new(black_box(&KEY).into());
                let buffer = InOutBuf::from(black_box(buffer.as_mut_slice()));
                black_box(cipher.encrypt_inout_detached(&nonce, header, buffer).unwrap());
            }
        }
    }

    /// Verifies, or decrypts into the buffer.
    fn open(&mut self) {
        match self {
            Self::Hmac { signed, tag } => {
                let mut mac = Hmac::<Sha256>::new_from_slice(black_box(&KEY)).unwrap();
                mac.update(black_box(signed));
                mac.verify_slice(tag).unwrap();
            }
            Self::Aead { header, nonce, encrypted, tag, buffer } => {
                let cipher = ChaCha20Poly1305::new(black_box(&KEY).into());
                let buffer = InOutBuf::new(black_box(encrypted), buffer).unwrap();
                cipher.decrypt_inout_detached(nonce, header, buffer, tag).unwrap();
            }
        }
        black_box(self);
    }

    fn ends_with(&self, payload: &[u8]) -> bool {
        match self {
            Self::Hmac { signed, .. } => signed.ends_with(payload),
            Self::Aead { buffer, .. } => buffer.ends_with(payload),
        }
    }
}
