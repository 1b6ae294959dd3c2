//! The messages to measure with: recorded ones by `--data`, else generated ones.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Calls of a model, with the whole conversation so far.
    Requests,
    /// What the model answers.
    Responses,
    /// Tool calls and their results (MCP, JSON-RPC).
    ToolCalls,
    /// Short notices between agents (A2A).
    Events,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Requests, Self::Responses, Self::ToolCalls, Self::Events];

    /// Its name, which is also the name of its files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Responses => "responses",
            Self::ToolCalls => "toolcalls",
            Self::Events => "events",
        }
    }
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// One compact JSON document.
    pub json: String,
}

/// Reads `{kind}.{train,dev}.jsonl` from `folder/traffic`, one message a line; a file that is not there is passed over.
///
/// # Errors
/// When there is none at all, or one cannot be read.
pub fn load(folder: &Path) -> anyhow::Result<Vec<Message>> {
    let folder = folder.join("traffic");
    let mut messages = Vec::new();
    for kind in Kind::ALL {
        for split in ["train", "dev"] {
            let path = folder.join(format!("{}.{split}.jsonl", kind.name()));
            if !path.exists() {
                continue;
            }
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            messages.extend(text.lines().map(|line| Message { kind, json: line.to_owned() }));
        }
    }
    anyhow::ensure!(!messages.is_empty(), "no traffic in {}", folder.display());
    Ok(messages)
}

/// The classes of size that tables are split by: from, to (not included), name.
pub const SIZES: [(usize, usize, &str); 5] = [
    (0, 160, "< 160 B"),
    (160, 512, "160-511 B"),
    (512, 2048, "0.5-2 KB"),
    (2048, 8192, "2-8 KB"),
    (8192, usize::MAX, "> 8 KB"),
];
