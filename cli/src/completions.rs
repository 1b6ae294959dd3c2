//! `m2m completions`

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::{Cli, output};

const HOW: &str = "\
bash:  m2m completions bash > ~/.local/share/bash-completion/completions/m2m
zsh:   m2m completions zsh > \"${fpath[1]}/_m2m\"
fish:  m2m completions fish > ~/.config/fish/completions/m2m.fish";

/// Write the completions of a shell to standard output
#[derive(Debug, Args)]
#[command(after_help = HOW)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "m2m", &mut script);
        output::print(&script)
    }
}
