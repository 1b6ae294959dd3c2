//! Where the output goes.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};

/// The output: a file or standard output.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Write the output to a file; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Output {
    fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// Whether somebody will look at it as it is.
    pub(crate) fn is_terminal(&self) -> bool {
        self.file().is_none() && io::stdout().is_terminal()
    }

    /// Writes exactly these bytes; to a terminal, text is given an end of its line, and other bytes are refused unless `raw`.
    pub(crate) fn write(&self, bytes: &[u8], raw: bool) -> anyhow::Result<()> {
        if let Some(path) = self.file() {
            return std::fs::write(path, bytes)
                .with_context(|| format!("cannot write {}", path.display()));
        }
        if self.is_terminal() && !raw {
            if !is_text(bytes) {
                bail!("the output is binary; use -o FILE or a pipe");
            }
            if !bytes.ends_with(b"\n") {
                return print(&[bytes, b"\n"].concat());
            }
        }
        print(bytes)
    }
}

/// Writes a report to standard output.
pub(crate) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write standard output")
}

/// An empty table, as wide as it needs to be; on a terminal whose width is known, no wider than that.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    // A terminal that nobody has given a size says 0.
    if table.width().is_some_and(|columns| columns >= 60) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

/// Whether a terminal shows these bytes and does nothing else: a control character in a message must not steer it.
fn is_text(bytes: &[u8]) -> bool {
    let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(harmless))
}

/// The text in one line, its control characters escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{is_text, printable};

    #[test]
    fn what_steers_a_terminal_is_not_text() {
        assert!(is_text("Grüße\t😀\r\n".as_bytes()));
        for bytes in [&b"\0"[..], b"\x1b[2J", b"\xff", b"\x7f", "\u{9b}31m".as_bytes()] {
            assert!(!is_text(bytes), "{bytes:?}");
        }
        assert_eq!(printable("a\u{1b}[2J\nb é"), "a\\u{1b}[2J\\nb é");
    }
}
