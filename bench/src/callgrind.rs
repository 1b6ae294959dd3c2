//! Instructions as callgrind counts them, of programs beside this one: in user space, and hardly dependent on what else the machine does.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// Whether valgrind is installed.
#[must_use]
pub fn is_installed() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok()
}

/// A program of this package under callgrind, which can be told arguments and variables.
///
/// # Errors
/// When it is not known where this program is.
pub fn command(program: &str) -> anyhow::Result<Command> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(std::env::current_exe()?.with_file_name(program));
    Ok(command)
}

/// Runs what [`command`] gave, and tells how many instructions it took.
///
/// # Errors
/// When it fails, or nothing was counted.
pub fn count(command: &mut Command) -> anyhow::Result<u64> {
    let told = command.output()?;
    let text = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "under valgrind: {text}");
    let count = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.with_context(|| format!("valgrind counted nothing: {text}"))?;
    Ok(count.trim().parse()?)
}
