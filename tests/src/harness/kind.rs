//! What tells one kind of broker from another.

use std::error::Error;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;

use testcontainers::{ContainerRequest, GenericImage};
use tokio::sync::OnceCell;

use super::{Broker, HarnessError};

/// What talking to a broker can meet.
pub type ProbeError = Box<dyn Error + Send + Sync>;

/// The broker that all tests of a process share, or why there is none.
pub type Shared<K> = OnceCell<Result<Broker<K>, HarnessError>>;

/// Where a native broker is to live.
#[derive(Debug, Clone)]
pub struct Site {
    /// An empty folder of its own.
    pub dir: PathBuf,
    /// The folder that `make brokers` fills.
    pub programs: PathBuf,
    /// The port to listen on, on loopback only.
    pub port: u16,
    /// Another free port.
    pub second_port: u16,
}

impl Site {
    /// The path of a program or folder that `make brokers` gets.
    ///
    /// # Errors
    /// [`HarnessError::Missing`] when it is not there.
    pub fn program<K: Kind>(&self, path: impl AsRef<Path>) -> Result<PathBuf, HarnessError> {
        let program = self.programs.join(path);
        if program.exists() {
            return Ok(program);
        }
        Err(HarnessError::Missing { broker: K::NAME, program, variable: K::VARIABLE })
    }
}

/// A kind of broker: its options, and how to run it and talk to it.
pub trait Kind: Default + Send + Sync + 'static {
    /// Its name, for messages.
    const NAME: &'static str;
    /// The variable that points at one that is already there.
    const VARIABLE: &'static str;
    /// The scheme of its URL.
    const SCHEME: &'static str;
    /// The port that it listens on in its container.
    const IMAGE_PORT: u16;

    /// The URL of one that listens on this loopback port.
    fn url(port: u16) -> String;

    /// Prepares the folder, and gives the command that becomes the broker.
    fn command(&self, site: &Site) -> impl Future<Output = Result<Command, HarnessError>> + Send;

    /// The container, to be reached at this loopback port.
    fn image(&self, port: u16) -> ContainerRequest<GenericImage>;

    /// Talks to it once, as an application would.
    fn probe(url: &str) -> impl Future<Output = Result<(), ProbeError>> + Send;

    /// Where the process keeps its shared one.
    fn shared() -> &'static Shared<Self>;
}
