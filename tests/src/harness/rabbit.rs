//! RabbitMQ, without plugins and without distribution.

use std::fs;
use std::process::Command;

use lapin::{Connection, ConnectionProperties};
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use super::{Broker, HarnessError, Kind, ProbeError, Shared, Site};

/// A RabbitMQ node with user `guest`.
pub type Rabbit = Broker<RabbitOptions>;

/// How a RabbitMQ node is to be started.
#[derive(Debug, Clone, Default)]
pub struct RabbitOptions {
    /// More lines for its configuration file (`rabbitmq.conf`).
    pub config: String,
}

/// A node that has its name from the start and speaks to no other: so it needs neither a port for other nodes nor epmd, the
/// daemon that all Erlang nodes of a machine share. The port 1 only stands for "do not ask epmd". One scheduler
/// starts it no slower and leaves the other cores to the tests.
const ERL_ARGS: &str =
    "-sname rabbit@localhost -dist_listen false -start_epmd false -erl_epmd_port 1 +S 1:1";

impl Kind for RabbitOptions {
    const NAME: &'static str = "RabbitMQ";
    const VARIABLE: &'static str = "M2M_TEST_AMQP_URL";
    const SCHEME: &'static str = "amqp";
    const IMAGE_PORT: u16 = 5672;

    fn url(port: u16) -> String {
        format!("amqp://guest:guest@127.0.0.1:{port}/%2f")
    }

    async fn command(&self, site: &Site) -> Result<Command, HarnessError> {
        let program = site.program::<Self>("rabbitmq/rabbitmq-server")?;
        let config = site.dir.join("rabbitmq.conf");
        let listener = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nlog.console = true\nlog.console.use_colors = off\nlog.file = false\n{}\n",
            site.port, self.config
        );
        fs::write(&config, listener)
            .and_then(|()| fs::write(site.dir.join("enabled_plugins"), "[]."))
            .map_err(HarnessError::io("write the configuration of RabbitMQ"))?;

        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RABBITMQ_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", &site.dir) // where Erlang keeps the cookie
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_CONFIG_FILE", config)
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", site.dir.join("enabled_plugins"))
            .env("RABBITMQ_LOG_BASE", site.dir.join("logs"))
            .env("RABBITMQ_MNESIA_BASE", site.dir.join("data"))
            .env("RABBITMQ_NODENAME", "rabbit@localhost")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERL_ARGS)
            // Makes its script become the broker instead of waiting for one: the process we signal is the broker.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("ERL_LIBS")
            .env_remove("ERL_FLAGS");
        Ok(command)
    }

    fn image(&self, _port: u16) -> ContainerRequest<GenericImage> {
        GenericImage::new("rabbitmq", "4-alpine")
            .with_copy_to("/etc/rabbitmq/conf.d/90-m2m.conf", self.config.clone().into_bytes())
    }

    async fn probe(url: &str) -> Result<(), ProbeError> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let _channel = connection.create_channel().await?; // dropped here it would race with the connection's close
        connection.close(200, "probed".into()).await?;
        Ok(())
    }

    fn shared() -> &'static Shared<Self> {
        static SHARED: Shared<RabbitOptions> = Shared::const_new();
        &SHARED
    }
}
