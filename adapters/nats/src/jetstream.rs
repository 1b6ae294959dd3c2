//! `async_nats::jetstream`, with payloads framed and opened. Configurations are the client's own types.

mod builders;
mod consumer;
mod context;
mod messages;
mod publish;
mod stored;
mod stream;

pub use builders::{BatchBuilder, FetchBuilder, StreamBuilder};
pub use consumer::Consumer;
pub use context::Context;
pub use messages::{Messages, Sequence};
pub use publish::{Acknowledging, PublishAckFuture};
pub use stream::Stream;

use crate::client::Client;

/// JetStream over this client.
#[must_use]
pub fn new(client: Client) -> Context {
    let inner = async_nats::jetstream::new(client.inner.clone());
    Context::with_client(inner, client)
}

/// JetStream of another domain over this client.
#[must_use]
pub fn with_domain<T: AsRef<str>>(client: Client, domain: T) -> Context {
    let inner = async_nats::jetstream::with_domain(client.inner.clone(), domain);
    Context::with_client(inner, client)
}

/// JetStream under another API prefix over this client.
#[must_use]
pub fn with_prefix(client: Client, prefix: &str) -> Context {
    let inner = async_nats::jetstream::with_prefix(client.inner.clone(), prefix);
    Context::with_client(inner, client)
}
