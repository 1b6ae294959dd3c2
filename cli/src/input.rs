//! Where the input comes from.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use m2m_engine::frame::Form;

/// The input: an argument, a file or standard input.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// The input itself; standard input when it is `-` or missing
    #[arg(conflicts_with = "file")]
    pub(crate) input: Option<OsString>,
    /// Read the input from a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

impl Input {
    /// Every byte of it.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<u8>> {
        match (&self.file, &self.input) {
            (Some(path), _) => {
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
            }
            (None, Some(input)) if input != "-" => Ok(input.as_encoded_bytes().to_vec()),
            (None, _) => {
                if io::stdin().is_terminal() {
                    // Without a standard error there is nobody to tell.
                    let _ = writeln!(
                        io::stderr(),
                        "m2m: reading from the terminal; Ctrl-D ends the input"
                    );
                }
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
                Ok(bytes)
            }
        }
    }

    /// A message: what editors and `echo` append to a form that is text is not part of it.
    pub(crate) fn read_message(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = self.read()?;
        if matches!(Form::of(&bytes), Form::M2mText | Form::TokenNative | Form::Brotli) {
            while let Some(b'\n' | b'\r') = bytes.last() {
                bytes.pop();
            }
        }
        Ok(bytes)
    }
}
