//! What every part is given.

use std::path::PathBuf;

use crate::data::{self, Message};
use crate::traffic;

/// The messages, and how long to measure.
#[derive(Debug)]
pub struct Setup {
    /// The folder of recorded messages, if there is one.
    pub folder: Option<PathBuf>,
    /// The messages.
    pub messages: Vec<Message>,
    /// What they are, for the tables' captions.
    pub origin: String,
    /// Rounds of each comparison; more of them give steadier medians.
    pub rounds: usize,
    /// Whether only to see that everything runs.
    pub smoke: bool,
}

impl Setup {
    /// Recorded messages from `data`, else `generated` ones from `seed`.
    ///
    /// # Errors
    /// When the recorded ones cannot be read.
    pub fn new(
        data: Option<PathBuf>,
        seed: u64,
        rounds: usize,
        smoke: bool,
    ) -> anyhow::Result<Self> {
        let (mut messages, origin) = match &data {
            Some(folder) => (data::load(folder)?, folder.display().to_string()),
            None => (traffic::generate(seed, 120), format!("generated, seed {seed}")),
        };
        if smoke {
            // Some of every kind.
            let step = messages.len().div_ceil(40);
            messages = messages.into_iter().step_by(step).collect();
        }
        let bytes: usize = messages.iter().map(|message| message.json.len()).sum();
        let origin = format!("{origin}: {} messages, {bytes} bytes", messages.len());
        Ok(Self { folder: data, messages, origin, rounds: if smoke { 1 } else { rounds }, smoke })
    }
}
