//! What JetStream calls a message: the same on every delivery of it.

use async_nats::jetstream::message::Info;

/// `nats/STREAM/SEQUENCE`, with the domain in front of the stream where the server names one.
pub(crate) fn of(info: &Info<'_>) -> String {
    let (stream, sequence) = (info.stream, info.stream_sequence);
    match info.domain {
        Some(domain) => format!("nats/{domain}/{stream}/{sequence}"),
        None => format!("nats/{stream}/{sequence}"),
    }
}
