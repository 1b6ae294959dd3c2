//! AMQP: a connection for each source and each sink.

use std::path::Path;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use m2m_amqp::link::{ConnectionConfig, ExchangeSinkConfig, QueueSourceConfig};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use crate::config::Bus;
use crate::endpoint::LinkError;
use crate::route::Route;

/// The URI, with user name and password of their own keys where there are some.
pub(super) fn uri(bus: &Bus) -> String {
    let uri = bus.url.expose();
    match (&bus.user, &bus.password, uri.split_once("://")) {
        (Some(user), Some(password), Some((scheme, rest))) => {
            let hosts = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
            format!("{scheme}://{}:{}@{hosts}", escaped(user), escaped(password.expose()))
        }
        _ => uri.to_owned(),
    }
}

/// Nothing in a password is to be taken for a part of the URI.
fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn connection(bus: &Bus, bridge: &str) -> Result<ConnectionConfig, LinkError> {
    let read = |path: &Path| {
        std::fs::read(path)
            .map_err(|error| LinkError::permanent(format!("{}: {error}", path.display())))
    };
    let mut tls = OwnedTLSConfig::default();
    if let Some(files) = &bus.tls {
        if let Some(ca) = &files.ca_file {
            tls.cert_chain = Some(String::from_utf8(read(ca)?).map_err(LinkError::permanent)?);
        }
        if let (Some(cert), Some(key)) = (&files.cert_file, &files.key_file) {
            tls.identity = Some(OwnedIdentity::PKCS8 { pem: read(cert)?, key: read(key)? });
        }
    }
    Ok(ConnectionConfig { name: bridge.to_owned(), tls, ..ConnectionConfig::default() })
}

pub(super) fn source(
    bus: &Bus,
    bridge: &str,
    route: &Route,
    queue: &str,
) -> Result<QueueSourceConfig, LinkError> {
    Ok(QueueSourceConfig {
        queue: queue.to_owned(),
        prefetch: u16::try_from(route.in_flight).unwrap_or(u16::MAX),
        connection: connection(bus, bridge)?,
        ..QueueSourceConfig::default()
    })
}

pub(super) fn sink(
    bus: &Bus,
    bridge: &str,
    route: &Route,
) -> Result<ExchangeSinkConfig, LinkError> {
    Ok(ExchangeSinkConfig {
        max_in_flight: u16::try_from(route.in_flight).unwrap_or(u16::MAX),
        connection: connection(bus, bridge)?,
        ..ExchangeSinkConfig::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;
    use crate::Config;

    #[test]
    fn credentials_of_their_own_outrank_those_of_the_url() {
        let text = "[buses.r]\nurl = 'amqps://guest:guest@h:5671/v?heartbeat=5'\nuser = 'me'\npassword = 'p@/:ä'\n";
        let config = Config::parse("bridge.toml", text).unwrap();
        let uri = uri(config.buses.get("r").unwrap().get_ref());
        assert_eq!(uri, "amqps://me:p%40%2F%3A%C3%A4@h:5671/v?heartbeat=5");
    }
}
