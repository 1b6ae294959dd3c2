use std::time::Duration;

use m2m_engine::error::{Classify, Transience};

use super::reply_code;

/// Why there is no connection. None of it names the URI, which holds the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Not a URI that AMQP clients read.
    #[error(
        "the address is not of the form amqp://user:password@host:port/vhost (amqps:// with TLS)"
    )]
    Uri,
    /// No answer in time.
    #[error("the broker did not answer within {limit:?}")]
    TimedOut {
        /// How long it was waited for.
        limit: Duration,
    },
    /// The broker refused it, or could not be reached.
    #[error("the broker cannot be reached or refused the connection")]
    Amqp(#[from] lapin::Error),
}

impl Classify for ConnectError {
    fn transience(&self) -> Transience {
        match self {
            Self::Uri => Transience::Permanent,
            Self::TimedOut { .. } => Transience::Transient,
            Self::Amqp(error) => reply_code::transience(error),
        }
    }
}
