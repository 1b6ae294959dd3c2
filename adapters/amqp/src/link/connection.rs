use std::fmt;
use std::time::Duration;

use lapin::ConnectionProperties;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use tokio::time::timeout;

use crate::address;
use crate::error::ConnectError;

/// How a link connects, besides what its URI says.
#[derive(Clone)]
pub struct ConnectionConfig {
    /// The name by which the broker's tools show the connection.
    pub name: String,
    /// How long connecting may take until the broker answers, and closing; 10 s unless told otherwise.
    pub timeout: Duration,
    /// Certificates for `amqps://`: authorities besides the system's, and the client's own.
    pub tls: OwnedTLSConfig,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            name: "m2m-bus".to_owned(),
            timeout: Duration::from_secs(10),
            tls: OwnedTLSConfig::default(),
        }
    }
}

impl fmt::Debug for ConnectionConfig {
    // Without the private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionConfig")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Where to connect, and how.
pub(super) struct Endpoint {
    uri: AMQPUri,
    config: ConnectionConfig,
}

impl Endpoint {
    pub(super) fn new(uri: &str, config: ConnectionConfig) -> Result<Self, ConnectError> {
        Ok(Self { uri: address::parse(uri)?, config })
    }

    pub(super) async fn connect(&self) -> Result<lapin::Connection, ConnectError> {
        let limit = self.config.timeout;
        let name = self.config.name.as_str();
        let connecting = lapin::Connection::connect_uri_with_config(
            self.uri.clone(),
            ConnectionProperties::default().with_connection_name(name.into()),
            self.config.tls.clone(),
            lapin::runtime::default_runtime()?,
        );
        match timeout(limit, connecting).await {
            Ok(connection) => Ok(connection?),
            Err(_) => Err(ConnectError::TimedOut { limit }),
        }
    }

    /// Closes in good order: what was written before has been read by the broker then. Bounded, because lapin does not write
    /// while the broker blocks the connection.
    pub(super) async fn close(&self, connection: &lapin::Connection) -> Result<(), ConnectError> {
        let limit = self.config.timeout;
        match timeout(limit, connection.close(200, "closed".into())).await {
            Ok(closed) => Ok(closed?),
            Err(_) => Err(ConnectError::TimedOut { limit }),
        }
    }
}

impl fmt::Debug for Endpoint {
    // Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, vhost, .. } = &self.uri;
        write!(f, "{scheme}://{}:{}/{vhost}", authority.host, authority.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::tcp::OwnedIdentity;

    #[test]
    fn secrets_are_not_printed() {
        let identity =
            OwnedIdentity::PKCS12 { der: b"secret".to_vec(), password: "secret".to_owned() };
        let tls = OwnedTLSConfig { identity: Some(identity), cert_chain: None };
        let config = ConnectionConfig { tls, ..ConnectionConfig::default() };
        assert!(!format!("{config:?}").contains("secret"));
        let endpoint = Endpoint::new("amqp://user:secret@host/v", config).unwrap();
        assert_eq!(format!("{endpoint:?}"), "amqp://host:5672/v");
    }
}
