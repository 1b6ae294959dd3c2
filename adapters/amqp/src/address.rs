//! AMQP URIs, read without ever repeating them: they hold the password.

use lapin::uri::AMQPUri;

use crate::error::ConnectError;

/// Reads `amqp://user:password@host:port/vhost`.
pub(crate) fn parse(uri: &str) -> Result<AMQPUri, ConnectError> {
    // The parser's own message may quote the URI.
    let mut parsed: AMQPUri = uri.parse().map_err(|_| ConnectError::Uri)?;
    // It takes an IPv6 address for an absent host, and that for localhost (amq-protocol-uri 10.6).
    if let Some(host) = ipv6(uri) {
        parsed.authority.host = host.to_owned();
    }
    Ok(parsed)
}

fn ipv6(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.strip_prefix('[')?.split_once(']')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_every_kind_are_kept() {
        for (uri, host, port) in [
            ("amqp://127.0.0.1", "127.0.0.1", 5672),
            ("amqps://broker.example/%2f", "broker.example", 5671),
            ("amqp://u:p@[::1]:5673/v", "::1", 5673),
            ("amqp://u:p%40%5B@[fe80::2]", "fe80::2", 5672),
        ] {
            let parsed = parse(uri).unwrap();
            assert_eq!(
                (parsed.authority.host.as_str(), parsed.authority.port),
                (host, port),
                "{uri}"
            );
        }
    }

    #[test]
    fn a_uri_that_cannot_be_read_is_not_repeated() {
        for uri in [
            "amqp:guest:secret@host",
            "http://u:secret@host",
            "secret",
            "amqp://u:secret@host?heartbeat=secret",
        ] {
            let error = parse(uri).unwrap_err();
            assert!(matches!(error, ConnectError::Uri));
            assert!(!format!("{error} {error:?}").contains("secret"), "{uri}");
        }
    }
}
