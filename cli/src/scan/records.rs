//! A file of JSON records, one a line.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use m2m_engine::Engine;
use m2m_engine::json::{Event, JsonError, Reader};
use m2m_engine::scan::Outcome;

use super::report::{self, Summary};
use crate::output;

/// As deep as a record may nest.
const MAX_DEPTH: usize = 1024;

pub(super) struct Records<'a> {
    path: &'a Path,
    field: Option<&'a str>,
    json: bool,
    lines: Box<dyn BufRead>,
    bar: ProgressBar,
}

impl<'a> Records<'a> {
    pub(super) fn open(path: &'a Path, field: Option<&'a str>, json: bool) -> anyhow::Result<Self> {
        let cannot_read = || format!("cannot read {}", path.display());
        let (lines, bar): (Box<dyn BufRead>, _) = if path == Path::new("-") {
            // Shown on a terminal only, as the other.
            (Box::new(io::stdin().lock()), ProgressBar::no_length())
        } else {
            let file = File::open(path).with_context(cannot_read)?;
            let len = file.metadata().with_context(cannot_read)?.len();
            (Box::new(BufReader::new(file)), ProgressBar::new(len))
        };
        let style = ProgressStyle::with_template(
            "{wide_bar} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left",
        )?;
        Ok(Self { path, field, json, lines, bar: bar.with_style(style) })
    }

    /// Whether all of them are clean.
    pub(super) fn scan(mut self, engine: &Engine) -> anyhow::Result<bool> {
        let (mut summary, mut line, mut number) = (Summary::default(), Vec::new(), 0_usize);
        loop {
            line.clear();
            let read = self.lines.read_until(b'\n', &mut line);
            let len = read.with_context(|| format!("cannot read {}", self.path.display()))?;
            if len == 0 {
                break;
            }
            number += 1;
            if !line.trim_ascii().is_empty() {
                let payload = payload(&line, self.field)
                    .with_context(|| format!("{}, line {number}", self.path.display()))?;
                let verdict = engine.judge(&payload);
                summary.count(&verdict);
                if self.json {
                    self.print(&report::json(&verdict, Some(("line", number.into()))))?;
                } else if verdict.outcome != Outcome::Clean {
                    self.print(&format!("line {number}: {}\n", report::line(&verdict)))?;
                }
            }
            self.bar.inc(u64::try_from(len)?);
        }
        self.bar.finish_and_clear();
        if !self.json {
            output::print(summary.table().as_bytes())?;
        } else if io::stderr().is_terminal() {
            // Without a standard error there is nobody to tell.
            let _ = io::stderr().write_all(summary.table().as_bytes());
        }
        Ok(summary.is_clean())
    }

    fn print(&self, line: &str) -> anyhow::Result<()> {
        self.bar.suspend(|| output::print(line.as_bytes()))
    }
}

/// The payload of a record: what the field says where it is a string, else its JSON; without a field of that name the whole record, where
/// none was asked for.
fn payload<'a>(line: &'a [u8], field: Option<&str>) -> anyhow::Result<Cow<'a, [u8]>> {
    match member(line, field.unwrap_or("text"))? {
        Some(payload) => Ok(payload),
        None if field.is_none() => Ok(Cow::Borrowed(line.trim_ascii())),
        None => Err(anyhow!("the record has no field {}", field.unwrap_or_default())),
    }
}

/// The last member of that name.
fn member<'a>(line: &'a [u8], name: &str) -> Result<Option<Cow<'a, [u8]>>, JsonError> {
    let mut reader = Reader::new(line, MAX_DEPTH)?;
    let mut found = None;
    loop {
        match reader.next_event()? {
            Event::End => return Ok(found),
            Event::Key(key) if reader.depth() == 1 && key.unescaped() == name => {
                let value = reader.next_event()?;
                let start = reader.range().start;
                if let Event::String(text) = value {
                    found = Some(match text.unescaped() {
                        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                    });
                    continue;
                }
                while reader.depth() > 1 {
                    reader.next_event()?;
                }
                found = line.get(start..reader.range().end).map(Cow::Borrowed);
            }
            _ => {}
        }
    }
}
