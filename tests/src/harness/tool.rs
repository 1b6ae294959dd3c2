//! Programs that prepare or steer a broker.

use std::process::{Command, Output};

use super::HarnessError;

/// Runs a program to its end, off the runtime's threads.
pub(super) async fn run(mut command: Command) -> Result<Output, HarnessError> {
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    output
        .unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()))
        .map_err(HarnessError::io("run a program"))
}

/// What a program wrote.
pub(super) fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
