//! NATS: one connection, which reconnects by itself.

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectErrorKind, ConnectOptions};
use m2m_nats::link::{StreamSinkConfig, StreamSourceConfig};
use tokio::sync::OnceCell;

use crate::config::{Bus, Start};
use crate::endpoint::LinkError;
use crate::route::Route;

/// A NATS bus, connected when the first route needs it.
pub(super) struct Nats {
    bus: Bus,
    client: OnceCell<Client>,
}

impl Nats {
    pub(super) fn new(bus: Bus) -> Self {
        Self { bus, client: OnceCell::new() }
    }

    pub(super) async fn client(&self, bridge: &str) -> Result<Client, LinkError> {
        self.client.get_or_try_init(|| connect(&self.bus, bridge)).await.cloned()
    }

    pub(super) async fn jetstream(&self, bridge: &str) -> Result<Context, LinkError> {
        self.client(bridge).await.map(jetstream::new)
    }
}

async fn connect(bus: &Bus, bridge: &str) -> Result<Client, LinkError> {
    let mut options = ConnectOptions::new().name(bridge);
    // The client does not look at those of the URL itself (async-nats 0.51).
    options = match bus.credentials() {
        Some((user, Some(password))) => {
            options.user_and_password(user, password.expose().to_owned())
        }
        Some((token, None)) => options.token(token),
        None => options,
    };
    if let Some(token) = &bus.token {
        options = options.token(token.expose().to_owned());
    }
    if let Some(seed) = &bus.nkey {
        options = options.nkey(seed.expose().trim().to_owned());
    }
    if let Some(file) = &bus.creds_file {
        options = options.credentials_file(file).await.map_err(LinkError::permanent)?;
    }
    if let Some(tls) = &bus.tls {
        options = options.require_tls(true);
        if let Some(ca) = &tls.ca_file {
            options = options.add_root_certificates(ca.clone());
        }
        if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
    }
    let servers: Vec<&str> = bus.url.expose().split(',').map(str::trim).collect();
    options.connect(servers).await.map_err(|error| match error.kind() {
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Authentication
        | ConnectErrorKind::AuthorizationViolation
        | ConnectErrorKind::Tls => LinkError::permanent(error),
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => LinkError::unconnected(error),
    })
}

pub(super) fn source(
    route: &Route,
    stream: &str,
    durable: &str,
    subjects: &[String],
    start: Start,
) -> StreamSourceConfig {
    StreamSourceConfig {
        stream: stream.to_owned(),
        durable: durable.to_owned(),
        filter_subjects: subjects.to_vec(),
        deliver_policy: match start {
            Start::Earliest => DeliverPolicy::All,
            Start::Latest => DeliverPolicy::New,
        },
        max_in_flight: route.in_flight,
        ..StreamSourceConfig::default()
    }
}

pub(super) fn sink(route: &Route) -> StreamSinkConfig {
    StreamSinkConfig { max_in_flight: route.in_flight, ..StreamSinkConfig::default() }
}
