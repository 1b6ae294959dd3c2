//! Kafka in KRaft mode: one node as broker and controller.

use std::fs;
use std::path::Path;
use std::process::Command;

use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use super::tool::{run, text};
use super::topics::{bootstrap, led, metadata};
use super::{Broker, HarnessError, Kind, ProbeError, Shared, Site};

/// A Kafka broker.
pub type Kafka = Broker<KafkaOptions>;

/// How a Kafka broker is to be started.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// The largest record batch it takes, in bytes; 1 MiB and 12 bytes by default, as its own.
    pub message_max_bytes: u32,
    /// Whether a topic comes into being when a client first names it; off by default, so that a wrong name is noticed.
    pub auto_create_topics: bool,
    /// More of its properties.
    pub properties: Vec<(String, String)>,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            message_max_bytes: (1 << 20) + 12,
            auto_create_topics: false,
            properties: Vec::new(),
        }
    }
}

impl KafkaOptions {
    /// The broker's properties, for a client port that others see as `advertised`.
    fn properties(&self, listen: &str, advertised: u16, controller: u16) -> Vec<(String, String)> {
        let own = [
            ("process.roles", "broker,controller".to_owned()),
            ("node.id", "1".to_owned()),
            ("listeners", format!("PLAINTEXT://{listen},CONTROLLER://127.0.0.1:{controller}")),
            ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{advertised}")),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            ),
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
            ("message.max.bytes", self.message_max_bytes.to_string()),
            ("auto.create.topics.enable", self.auto_create_topics.to_string()),
            // One node, and tests that do not wait for what only a cluster needs.
            ("offsets.topic.replication.factor", "1".to_owned()),
            ("offsets.topic.num.partitions", "1".to_owned()),
            ("transaction.state.log.replication.factor", "1".to_owned()),
            ("transaction.state.log.min.isr", "1".to_owned()),
            ("transaction.state.log.num.partitions", "1".to_owned()),
            ("share.coordinator.state.topic.replication.factor", "1".to_owned()),
            ("share.coordinator.state.topic.min.isr", "1".to_owned()),
            ("group.initial.rebalance.delay.ms", "0".to_owned()),
            // After a kill it is let in again only when its former self is given up.
            ("broker.heartbeat.interval.ms", "500".to_owned()),
            ("broker.session.timeout.ms", "4000".to_owned()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        own.chain(self.properties.iter().cloned()).collect()
    }
}

/// Java, made to start quickly: for the minutes of a test its best compiler costs more than it gains.
fn java(jars: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["-Dorg.apache.logging.log4j.level=INFO", "-cp"])
        .arg(jars.join("*"));
    command
}

impl Kind for KafkaOptions {
    const NAME: &'static str = "Kafka";
    const VARIABLE: &'static str = "M2M_TEST_KAFKA_URL";
    const SCHEME: &'static str = "kafka";
    const IMAGE_PORT: u16 = 9092;

    fn url(port: u16) -> String {
        format!("kafka://127.0.0.1:{port}")
    }

    async fn command(&self, site: &Site) -> Result<Command, HarnessError> {
        let jars = site.program::<Self>("kafka/libs")?;
        let file = site.dir.join("server.properties");
        let listen = format!("127.0.0.1:{}", site.port);
        let data = site.dir.join("data").display().to_string();
        let lines = self
            .properties(&listen, site.port, site.second_port)
            .into_iter()
            .chain([("log.dirs".to_owned(), data)])
            .map(|(name, value)| format!("{name}={value}\n"));
        fs::write(&file, lines.collect::<String>())
            .map_err(HarnessError::io("write the configuration of Kafka"))?;

        let mut format = java(&jars);
        format
            .args(["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"])
            .arg(&file);
        match run(format).await {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                return Err(HarnessError::Tool {
                    broker: Self::NAME,
                    program: "kafka.tools.StorageTool",
                    output: text(&output),
                });
            }
            Err(HarnessError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                return Err(HarnessError::Missing {
                    broker: Self::NAME,
                    program: "java".into(),
                    variable: Self::VARIABLE,
                });
            }
            Err(error) => return Err(error),
        }

        let mut command = java(&jars);
        command.arg("kafka.Kafka").arg(file);
        Ok(command)
    }

    fn image(&self, port: u16) -> ContainerRequest<GenericImage> {
        let properties = self.properties("0.0.0.0:9092", port, 9093);
        properties.into_iter().fold(
            GenericImage::new("apache/kafka", "4.1.1").into(),
            |image: ContainerRequest<_>, (name, value)| {
                let variable = format!("KAFKA_{}", name.to_uppercase().replace('.', "_"));
                image.with_env_var(variable, value)
            },
        )
    }

    async fn probe(url: &str) -> Result<(), ProbeError> {
        let metadata = metadata(bootstrap(url), None).await?;
        if metadata.brokers().is_empty() || !led(&metadata) {
            return Err("no broker, or a partition without leader".into());
        }
        Ok(())
    }

    fn shared() -> &'static Shared<Self> {
        static SHARED: Shared<KafkaOptions> = Shared::const_new();
        &SHARED
    }
}
