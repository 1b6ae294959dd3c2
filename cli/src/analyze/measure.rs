//! Every algorithm in every form that it has, on one payload.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use m2m_engine::frame::to_text;
use m2m_engine::{Algorithm, Config, Engine, Inbound, Outbound, Tokenizer};

/// Each figure is the best of as many runs as fit into this time, up to [`RUNS`].
const BUDGET: Duration = Duration::from_millis(50);
const RUNS: usize = 100;

/// What came of one algorithm in one form.
pub(super) struct Measured {
    pub(super) algorithm: Algorithm,
    /// `binary`, `text`, or `as it is`.
    pub(super) form: &'static str,
    pub(super) tokenizer: Option<&'static str>,
    /// `None` when it cannot take the payload.
    pub(super) figures: Option<Figures>,
}

pub(super) struct Figures {
    pub(super) bytes: usize,
    pub(super) compress: Duration,
    pub(super) decompress: Duration,
}

impl Measured {
    /// The algorithm, and the tokenizer if there is one.
    pub(super) fn name(&self) -> String {
        let algorithm = self.algorithm.name();
        self.tokenizer.map_or(algorithm.to_owned(), |tokenizer| format!("{algorithm} {tokenizer}"))
    }

    pub(super) fn bytes(&self) -> Option<usize> {
        self.figures.as_ref().map(|figures| figures.bytes)
    }
}

/// In the order of [`Algorithm::ALL`]. Loading a tokenizer does not count.
///
/// # Errors
/// When the payload is over the limits.
pub(super) fn all(config: &Config, payload: &[u8]) -> anyhow::Result<Vec<Measured>> {
    let engine = Engine::new(config.clone())?;
    let mut measured = Vec::new();
    for algorithm in Algorithm::ALL {
        match algorithm {
            Algorithm::M2m => {
                measured.push(of(
                    algorithm,
                    "binary",
                    payload,
                    |p| wrap(&engine, algorithm, p),
                    |m| open(&engine, m),
                )?);
                let text = |p: &[u8]| {
                    let frame = wrap(&engine, algorithm, p)?;
                    Ok(frame.map(|frame| to_text(&frame).into_owned()))
                };
                measured.push(of(algorithm, "text", payload, text, |m| open(&engine, m))?);
            }
            Algorithm::TokenNative => measured.extend(token_native(config, payload)?),
            Algorithm::Stored => {
                let keep = |p: &[u8]| wrap(&engine, algorithm, p);
                measured.push(of(algorithm, "as it is", payload, keep, |m| Ok(m.to_vec()))?);
            }
            other => {
                measured.push(of(
                    other,
                    "text",
                    payload,
                    |p| wrap(&engine, other, p),
                    |m| open(&engine, m),
                )?);
            }
        }
    }
    Ok(measured)
}

fn token_native(config: &Config, payload: &[u8]) -> anyhow::Result<Vec<Measured>> {
    let algorithm = Algorithm::TokenNative;
    let mut tokenizers = vec![(Tokenizer::Cl100k, "cl100k"), (Tokenizer::O200k, "o200k")];
    if config.llama3.is_some() {
        tokenizers.push((Tokenizer::Llama3, "llama3"));
    }
    let mut measured = Vec::new();
    for (tokenizer, name) in tokenizers {
        let engine = Engine::new(Config { tokenizer, ..config.clone() })?;
        engine.wrap_token_ids(b"", &Outbound::default())?;
        let binary = |p: &[u8]| Ok(engine.wrap_token_ids(p, &Outbound::default())?);
        let both = [
            of(algorithm, "binary", payload, binary, |m| Ok(engine.open_token_ids(m)?))?,
            of(algorithm, "text", payload, |p| wrap(&engine, algorithm, p), |m| open(&engine, m))?,
        ];
        measured.extend(both.map(|m| Measured { tokenizer: Some(name), ..m }));
    }
    Ok(measured)
}

fn wrap(engine: &Engine, algorithm: Algorithm, payload: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let outbound = Outbound { algorithm: Some(algorithm), ..Outbound::default() };
    let wrapped = engine.wrap(payload, &outbound)?;
    Ok((wrapped.algorithm == algorithm).then(|| wrapped.bytes.into_owned()))
}

fn open(engine: &Engine, message: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(engine.open(message, &Inbound::default())?.payload.into_owned())
}

fn of(
    algorithm: Algorithm,
    form: &'static str,
    payload: &[u8],
    compress: impl Fn(&[u8]) -> anyhow::Result<Option<Vec<u8>>>,
    decompress: impl Fn(&[u8]) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Measured> {
    let measured = |figures| Measured { algorithm, form, tokenizer: None, figures };
    let (message, compress) = best(|| compress(payload))?;
    let Some(message) = message else { return Ok(measured(None)) };
    let (opened, decompress) = best(|| decompress(&message))?;
    ensure!(
        opened == payload,
        "{} did not give the input back: please report this",
        algorithm.name()
    );
    Ok(measured(Some(Figures { bytes: message.len(), compress, decompress })))
}

fn best<T>(run: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<(T, Duration)> {
    let began = Instant::now();
    let mut best = Duration::MAX;
    let mut runs = 0;
    loop {
        let start = Instant::now();
        let result = black_box(run()?);
        best = best.min(start.elapsed());
        runs += 1;
        if runs == RUNS || began.elapsed() > BUDGET {
            return Ok((result, best));
        }
    }
}
