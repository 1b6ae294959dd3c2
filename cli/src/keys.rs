//! `m2m keys`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use m2m_engine::secure::{Hierarchy, KeyMaterial, PublicKey, SecretKey};
use m2m_keys::KeySource;

use crate::output::print;

/// Make keys and derive them from one another
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new key from the operating system's random bytes
    Generate {
        #[command(flatten)]
        to: To,
    },
    Derive(Derive),
    /// Print the X25519 public key that belongs to a key: no secret, for the other side of an exchange
    Public {
        #[command(flatten)]
        from: From,
    },
    /// Agree on a session key with the owner of a public key (X25519, then HKDF with info m2m-session-v1)
    Exchange {
        #[command(flatten)]
        from: From,
        /// The other side's public key: 64 hexadecimal digits
        public: String,
        #[command(flatten)]
        to: To,
    },
}

/// Derive a key of an organisation from its master key (HKDF-SHA256)
#[derive(Debug, Args)]
#[command(after_help = PATHS)]
struct Derive {
    #[command(flatten)]
    from: From,
    /// The organisation's id
    #[arg(long, value_name = "ID")]
    org: String,
    #[command(flatten)]
    path: KeyPath,
    #[command(flatten)]
    to: To,
}

const PATHS: &str = "\
Keys:
  --org ID                          the organisation's own
  --org ID --shared                 shared by all its agents
  --org ID --agent ID               an agent's
  --org ID --agent ID --purpose P   an agent's for one purpose
  --org ID --session A B ID         of a session between the agents A and B, in either order
Ids are 1 to 128 of A-Z a-z 0-9 _ -.";

#[derive(Debug, Args)]
struct KeyPath {
    /// The key that all agents of the organisation share
    #[arg(long, conflicts_with_all = ["agent", "session"])]
    shared: bool,
    /// An agent's key
    #[arg(long, value_name = "ID", conflicts_with = "session")]
    agent: Option<String>,
    /// What the agent's key is for
    #[arg(long, value_enum, requires = "agent")]
    purpose: Option<Purpose>,
    /// The key of a session: two agents and the session's id
    #[arg(long, num_args = 3, value_names = ["A", "B", "ID"])]
    session: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Purpose {
    /// To prove who an agent is
    Identity,
    /// To encrypt
    Encryption,
    /// To sign
    Authentication,
    /// To derive keys of sessions from
    Session,
}

impl std::convert::From<Purpose> for m2m_engine::secure::Purpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Identity => Self::Identity,
            Purpose::Encryption => Self::Encryption,
            Purpose::Authentication => Self::Authentication,
            Purpose::Session => Self::Session,
        }
    }
}

/// Where the key comes from.
#[derive(Debug, Args)]
struct From {
    /// The key: a file that only its owner may read, with 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
}

impl From {
    fn load(&self) -> anyhow::Result<KeyMaterial> {
        Ok(KeySource::File(self.key_file.clone()).load()?)
    }
}

/// Where a secret goes; nowhere unless told.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("to").required(true))]
struct To {
    /// Write the key to a new file that only its owner may read
    #[arg(short, long, value_name = "FILE", group = "to")]
    output: Option<PathBuf>,
    /// Print the key, for everybody who sees the screen or its log
    #[arg(long, group = "to")]
    show_secret: bool,
}

impl To {
    fn write(&self, key: &KeyMaterial) -> anyhow::Result<()> {
        match &self.output {
            Some(path) => m2m_keys::write_new(path, key)
                .with_context(|| format!("cannot write {}", path.display())),
            None => {
                print(key.to_hex().as_bytes())?;
                print(b"\n")
            }
        }
    }
}

impl Keys {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        match &self.command {
            Command::Generate { to } => to.write(&KeyMaterial::generate()?),
            Command::Derive(derive) => derive.run(),
            Command::Public { from } => {
                let public = SecretKey::from(&from.load()?).public();
                print(format!("{public}\n").as_bytes())
            }
            Command::Exchange { from, public, to } => {
                let public = PublicKey::from_hex(public).context("the public key")?;
                to.write(&SecretKey::from(&from.load()?).session_key(&public)?)
            }
        }
    }
}

impl Derive {
    fn run(&self) -> anyhow::Result<()> {
        let hierarchy = Hierarchy::new(self.from.load()?, &self.org)?;
        let key = match (&self.path.agent, self.path.purpose, self.path.session.as_slice()) {
            (Some(agent), Some(purpose), _) => hierarchy.agent_for(agent, purpose.into())?,
            (Some(agent), None, _) => hierarchy.agent(agent)?,
            (None, _, [a, b, id]) => hierarchy.session(a, b, id)?,
            _ if self.path.shared => hierarchy.shared(),
            _ => hierarchy.org(),
        };
        self.to.write(&key)
    }
}
