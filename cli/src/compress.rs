//! `m2m compress`

use std::io::{self, Write as _};

use anyhow::bail;
use clap::Args;
use m2m_engine::frame::to_text;
use m2m_engine::secure::Mode;
use m2m_engine::{Config, Engine, Outbound};

use crate::args::{Algorithm, Level, Secured, Settings, Tokenizer};
use crate::figures;
use crate::input::Input;
use crate::output::Output;
use crate::usage;

const FORMS: &str = "\
Forms:
  m2m           binary; in text with --text, and on a terminal unless --binary is given
  token-native  text; binary with --binary (only `m2m decompress -a token-native --binary` opens that)
  brotli        text
  none          the input, byte for byte
  With auto, input that would not get smaller comes out as it is.
  With --key-file it is always m2m, as no other form can be secured.";

/// Compress a payload
#[derive(Debug, Args)]
#[command(after_help = FORMS)]
pub(crate) struct Compress {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    /// How to compress
    #[arg(short, long, value_enum, ignore_case = true, default_value = "auto")]
    algorithm: Algorithm,
    /// Write the text form
    #[arg(long, conflicts_with = "binary")]
    text: bool,
    /// Write the binary form, even to a terminal
    #[arg(long)]
    binary: bool,
    /// How hard Brotli tries
    #[arg(long, value_enum, default_value = "balanced")]
    level: Level,
    /// Whose token ids `-a token-native` writes: cl100k unless told otherwise
    #[arg(long, value_enum, ignore_case = true)]
    tokenizer: Option<Tokenizer>,
    /// Say on standard error what was saved
    #[arg(short, long)]
    stats: bool,
    #[command(flatten)]
    secured: Secured,
    #[command(flatten)]
    settings: Settings,
}

impl Compress {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        self.check()?;
        let payload = self.input.read()?;
        let engine = Engine::new(Config {
            level: self.level.into(),
            tokenizer: self.tokenizer.map(Into::into).unwrap_or_default(),
            security: self.secured.config(self.secured.security.map_or(Mode::Aead, Into::into))?,
            ..self.settings.config()?
        })?;
        let (algorithm, bytes) = self.compress(&engine, &payload)?;
        self.output.write(&bytes, self.binary)?;
        if self.stats {
            // Standard error may be closed; the output has been written.
            let _ = io::stderr().write_all(stats(algorithm, payload.len(), bytes.len()).as_bytes());
        }
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.tokenizer.is_some() && self.algorithm != Algorithm::TokenNative {
            return Err(usage("compress", "--tokenizer goes with -a token-native"));
        }
        if matches!(self.tokenizer, Some(Tokenizer::Llama3)) && self.settings.llama3.is_none() {
            return Err(usage("compress", "--tokenizer llama3 needs --llama3 FILE"));
        }
        if self.secured.is_given() && !matches!(self.algorithm, Algorithm::Auto | Algorithm::M2m) {
            return Err(usage(
                "compress",
                "--key-file goes with -a m2m: no other form can be secured",
            ));
        }
        if self.binary && self.algorithm == Algorithm::Brotli {
            return Err(usage(
                "compress",
                "-a brotli has no binary form; -a m2m holds Brotli in binary",
            ));
        }
        Ok(())
    }

    fn compress(
        &self,
        engine: &Engine,
        payload: &[u8],
    ) -> anyhow::Result<(m2m_engine::Algorithm, Vec<u8>)> {
        let forced = self.algorithm.forced();
        let outbound = Outbound { algorithm: forced, ..Outbound::default() };
        if self.binary && self.algorithm == Algorithm::TokenNative {
            let Some(bytes) = engine.wrap_token_ids(payload, &outbound)? else {
                bail!(cannot_take(m2m_engine::Algorithm::TokenNative));
            };
            return Ok((m2m_engine::Algorithm::TokenNative, bytes));
        }
        let wrapped = engine.wrap(payload, &outbound)?;
        if let Some(forced) = forced.filter(|forced| *forced != wrapped.algorithm) {
            bail!(cannot_take(forced));
        }
        let text = self.text || (self.output.is_terminal() && !self.binary);
        let bytes = if text && wrapped.algorithm == m2m_engine::Algorithm::M2m {
            to_text(&wrapped.bytes).into_owned()
        } else {
            wrapped.bytes.into_owned()
        };
        Ok((wrapped.algorithm, bytes))
    }
}

fn cannot_take(algorithm: m2m_engine::Algorithm) -> String {
    let name = algorithm.name();
    format!(
        "{name} cannot take this input: it is not text, or too long without a break; use -a m2m"
    )
}

fn stats(algorithm: m2m_engine::Algorithm, original: usize, compressed: usize) -> String {
    let name = algorithm.name();
    let ratio = figures::ratio(original, compressed);
    let saved = figures::saved(original, compressed);
    format!(
        "Algorithm:  {name}\n\
         Original:   {original} bytes\n\
         Compressed: {compressed} bytes\n\
         Ratio:      {ratio}\n\
         Saved:      {saved}\n"
    )
}
