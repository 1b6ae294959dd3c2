//! `m2m decompress`

use anyhow::bail;
use clap::Args;
use m2m_engine::frame::Form;
use m2m_engine::secure::{Mode, PolicyError};
use m2m_engine::{Config, Engine, Inbound, OpenError};

use crate::args::{Algorithm, Secured, Security, Settings};
use crate::input::Input;
use crate::output::Output;
use crate::{pretty, usage};

/// Decompress a message; what is no frame comes out as it is
#[derive(Debug, Args)]
pub(crate) struct Decompress {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    /// What the message must be; auto takes every form, and plain payloads
    #[arg(short, long, value_enum, ignore_case = true, default_value = "auto")]
    algorithm: Algorithm,
    /// With -a token-native: the message is in its binary form, which nothing tells from other bytes
    #[arg(long)]
    binary: bool,
    /// Lay the payload out over several lines, if it is JSON
    #[arg(long)]
    pretty: bool,
    #[command(flatten)]
    secured: Secured,
    #[command(flatten)]
    settings: Settings,
}

impl Decompress {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if self.binary && self.algorithm != Algorithm::TokenNative {
            return Err(usage(
                "decompress",
                "--binary goes with -a token-native; other forms are told by their prefix",
            ));
        }
        if self.secured.is_given() && !matches!(self.algorithm, Algorithm::Auto | Algorithm::M2m) {
            return Err(usage(
                "decompress",
                "--key-file goes with -a m2m: no other form is secured",
            ));
        }
        let payload = self.payload()?;
        let laid_out = self.pretty.then(|| pretty::pretty(&payload)).flatten();
        self.output.write(&laid_out.unwrap_or(payload), false)
    }

    fn payload(&self) -> anyhow::Result<Vec<u8>> {
        if self.algorithm == Algorithm::None {
            return self.input.read();
        }
        let engine = self.engine(Mode::Aead)?;
        if self.binary {
            return Ok(engine.open_token_ids(&self.input.read()?)?);
        }
        let message = self.input.read_message()?;
        let form = Form::of(&message);
        let expected = match self.algorithm {
            Algorithm::Auto | Algorithm::None => true,
            Algorithm::M2m => matches!(form, Form::M2m | Form::M2mText),
            Algorithm::TokenNative => form == Form::TokenNative,
            Algorithm::Brotli => form == Form::Brotli,
        };
        if !expected {
            bail!("the input is {}, not what -a asks for", form.name());
        }
        let opened = match engine.open(&message, &Inbound::default()) {
            // A key is for one mode, and the message says which; whether that will do is up to --security.
            Err(OpenError::Policy(PolicyError::TooWeak { found, .. }))
                if self.secured.security != Some(Security::Aead) =>
            {
                let engine = self.engine(found)?;
                return Ok(engine.open(&message, &Inbound::default())?.payload.into_owned());
            }
            opened => opened?,
        };
        Ok(opened.payload.into_owned())
    }

    fn engine(&self, mode: Mode) -> anyhow::Result<Engine> {
        let security = self.secured.config(mode)?;
        Ok(Engine::new(Config { security, ..self.settings.config()? })?)
    }
}
