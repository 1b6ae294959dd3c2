//! Real messages from a folder: every line of every `*.jsonl` in it is one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Message, Script};

/// More files than this share the last producer, so that the table fits into a small terminal.
const PRODUCERS: usize = 8;

/// One producer for each file in the folder, in the order of their names. Files are read while they are sent.
///
/// # Errors
/// When the folder or a file in it cannot be read, or when there is nothing to replay.
pub(crate) fn replay(folder: &Path) -> anyhow::Result<Vec<Script>> {
    let failed = || format!("cannot read the traffic folder {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("no *.jsonl in the traffic folder {}", folder.display());
    }
    let shared = if files.len() > PRODUCERS { PRODUCERS - 1 } else { files.len() };
    let rest = files.split_off(shared);
    let mut scripts = Vec::new();
    for file in files {
        scripts.push(script(name(&file), vec![file])?);
    }
    if !rest.is_empty() {
        scripts.push(script(format!("{} more files", rest.len()), rest)?);
    }
    if scripts.iter().all(|script| script.len == 0) {
        bail!("no message in the *.jsonl of the traffic folder {}", folder.display());
    }
    Ok(scripts)
}

fn script(name: String, files: Vec<PathBuf>) -> anyhow::Result<Script> {
    let mut len = 0;
    for file in &files {
        for message in lines(file)? {
            message?;
            len += 1;
        }
    }
    let messages = files.into_iter().flat_map(|file| -> Lines {
        match lines(&file) {
            Ok(lines) => Box::new(lines),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    });
    Ok(Script { name, model: "as recorded".to_owned(), len, messages: Box::new(messages) })
}

type Lines = Box<dyn Iterator<Item = anyhow::Result<Message>> + Send>;

/// The lines of a file that are not empty, without their line breaks.
fn lines(
    file: &Path,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Message>> + Send + use<>> {
    let failed = format!("cannot read {}", file.display());
    let lines = BufReader::new(File::open(file).context(failed.clone())?).split(b'\n');
    let conversation = conversation(file);
    let trimmed = lines.map(move |line| {
        let mut line = line.context(failed.clone())?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Message { conversation: conversation.clone(), payload: line.into() })
    });
    Ok(trimmed
        .filter(|message| message.as_ref().map_or(true, |message| !message.payload.is_empty())))
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is left of the file's name in a subject of every broker.
fn conversation(file: &Path) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("replay.{}", name(file).chars().map(plain).collect::<String>())
}
