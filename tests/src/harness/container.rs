//! A broker as a container.

use std::process::Command;

use testcontainers::bollard::models::PortBinding;
use testcontainers::core::ContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::sync::OnceCell;

use super::reaper::Reaper;
use super::tool::{run, text};
use super::{HarnessError, Kind};

const STOP_SECONDS: i32 = 60;

/// Whether a Docker daemon answers; asked once.
pub(super) async fn docker_answers() -> bool {
    static ANSWER: OnceCell<bool> = OnceCell::const_new();
    *ANSWER
        .get_or_init(|| async {
            let mut ask = Command::new("docker");
            ask.args(["info", "--format", "{{.ServerVersion}}"]);
            run(ask).await.is_ok_and(|answer| answer.status.success() && !answer.stdout.is_empty())
        })
        .await
}

/// A container whose host port is fixed, so that it keeps its address when it starts again.
///
/// To be dropped inside a Tokio runtime, as testcontainers asks.
#[derive(Debug)]
pub(super) struct Container {
    broker: &'static str,
    // Dropped in this order: the container goes while the reaper still watches.
    inner: ContainerAsync<GenericImage>,
    _reaper: Reaper,
}

impl Container {
    /// Starts the image of this kind; the caller waits until it answers.
    pub(super) async fn start<K: Kind>(kind: &K, port: u16) -> Result<Self, HarnessError> {
        let inner = on_loopback(kind.image(port), K::IMAGE_PORT, port)
            .start()
            .await
            .map_err(error(K::NAME, "start"))?;
        let reaper =
            Reaper::for_container(inner.id()).map_err(HarnessError::io("start the reaper"))?;
        Ok(Self { broker: K::NAME, inner, _reaper: reaper })
    }

    pub(super) async fn start_again(&self) -> Result<(), HarnessError> {
        let started = self.inner.start().await;
        started.map_err(error(self.broker, "start again"))
    }

    pub(super) async fn stop(&self) -> Result<(), HarnessError> {
        let stopped = self.inner.stop_with_timeout(Some(STOP_SECONDS)).await;
        stopped.map_err(error(self.broker, "stop"))
    }

    /// Ends it by SIGKILL, for which testcontainers has no call.
    pub(super) async fn kill(&self) -> Result<(), HarnessError> {
        let mut kill = Command::new("docker");
        kill.args(["kill", self.inner.id()]);
        let killed = run(kill).await?;
        if killed.status.success() {
            return Ok(());
        }
        Err(HarnessError::Tool {
            broker: self.broker,
            program: "docker kill",
            output: text(&killed),
        })
    }

    /// The end of what the broker wrote.
    pub(super) async fn log_tail(&self) -> String {
        let mut logs = Command::new("docker");
        logs.args(["logs", "--tail", "40", self.inner.id()]);
        match run(logs).await {
            Ok(output) => text(&output),
            Err(error) => format!("(no log: {error})"),
        }
    }
}

/// Binds the port to loopback only: testcontainers would open it to the network.
fn on_loopback(
    request: ContainerRequest<GenericImage>,
    inside: u16,
    outside: u16,
) -> ContainerRequest<GenericImage> {
    request.with_mapped_port(outside, ContainerPort::Tcp(inside)).with_host_config_modifier(
        |config| {
            for binding in config.port_bindings.iter_mut().flat_map(|map| map.values_mut()) {
                for PortBinding { host_ip, .. } in binding.iter_mut().flatten() {
                    *host_ip = Some("127.0.0.1".to_owned());
                }
            }
        },
    )
}

fn error(
    broker: &'static str,
    action: &'static str,
) -> impl FnOnce(testcontainers::TestcontainersError) -> HarnessError {
    move |source| HarnessError::Container { broker, action, source: Box::new(source) }
}
