//! NATS with JetStream.

use std::fs;
use std::process::Command;
use std::time::Duration;

use async_nats::{ConnectOptions, jetstream};
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use super::{Broker, HarnessError, Kind, ProbeError, Shared, Site};

/// A NATS server with JetStream.
pub type Nats = Broker<NatsOptions>;

/// How a NATS server is to be started.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The largest payload it takes, headers included, in bytes; 1 MiB by default, as its own.
    pub max_payload: u32,
    /// More lines for its configuration file.
    pub config: String,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { max_payload: 1 << 20, config: String::new() }
    }
}

impl NatsOptions {
    fn file(&self, listen: &str, store: &str) -> String {
        let Self { max_payload, config } = self;
        format!(
            "listen: \"{listen}\"\nmax_payload: {max_payload}\njetstream {{ store_dir: {store:?} }}\n{config}\n"
        )
    }
}

impl Kind for NatsOptions {
    const NAME: &'static str = "NATS";
    const VARIABLE: &'static str = "M2M_TEST_NATS_URL";
    const SCHEME: &'static str = "nats";
    const IMAGE_PORT: u16 = 4222;

    fn url(port: u16) -> String {
        format!("nats://127.0.0.1:{port}")
    }

    async fn command(&self, site: &Site) -> Result<Command, HarnessError> {
        let program = site.program::<Self>("nats/nats-server")?;
        let file = site.dir.join("nats.conf");
        let listen = format!("127.0.0.1:{}", site.port);
        let store = site.dir.join("data").display().to_string();
        fs::write(&file, self.file(&listen, &store))
            .map_err(HarnessError::io("write the configuration of NATS"))?;
        let mut command = Command::new(program);
        command.arg("--config").arg(file);
        Ok(command)
    }

    fn image(&self, _port: u16) -> ContainerRequest<GenericImage> {
        let file = self.file("0.0.0.0:4222", "/data");
        GenericImage::new("nats", "2.12-alpine")
            .with_copy_to("/m2m/nats.conf", file.into_bytes())
            .with_cmd(["nats-server", "--config", "/m2m/nats.conf"])
    }

    async fn probe(url: &str) -> Result<(), ProbeError> {
        let client =
            ConnectOptions::new().connection_timeout(Duration::from_secs(5)).connect(url).await?;
        jetstream::new(client).query_account().await?;
        Ok(())
    }

    fn shared() -> &'static Shared<Self> {
        static SHARED: Shared<NatsOptions> = Shared::const_new();
        &SHARED
    }
}
