//! The seam between brokers and the relay: what a message is between two buses, where it comes from, where it goes.
//!
//! A [`Source`] and a [`Sink`] move raw frames; neither opens one. They are what an adapter's `link.rs` implements.

mod envelope;
pub mod headers;
mod replies;
#[cfg(test)]
mod tests;

use std::error::Error;

pub use envelope::{Address, Envelope, Native, Properties};
pub use replies::Replies;

use crate::error::Classify;

/// What a source or a sink can promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// A confirmation means that the broker has accepted the message. False for core NATS, which cannot tell.
    pub confirms: bool,
    /// What was not acknowledged is delivered again, after a nack and after a crash. False for core NATS.
    pub redelivers: bool,
}

/// A message as it came from a source, and the one chance to settle it.
#[derive(Debug)]
pub struct Delivery<R> {
    /// The message.
    pub envelope: Envelope,
    /// Settles it.
    pub receipt: R,
}

/// Settles one delivery; consumed by settling, so that acknowledging twice does not compile.
///
/// Dropped without settling, the delivery stays unacknowledged, and the broker decides when to redeliver.
pub trait Receipt: Send + 'static {
    /// Why settling failed.
    type Error: Error + Classify + Send + Sync + 'static;

    /// Tells the broker that the message is done with.
    ///
    /// # Errors
    /// When the broker could not be told; it will then deliver the message again.
    fn ack(self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Asks for the message again, later. A source that cannot redeliver does nothing.
    ///
    /// # Errors
    /// When the broker could not be told.
    fn nack(self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Where messages come from.
pub trait Source: Send + 'static {
    /// Settles what this source delivers.
    type Receipt: Receipt;
    /// Why receiving failed.
    type Error: Error + Classify + Send + Sync + 'static;

    /// What this source can promise.
    fn capabilities(&self) -> Capabilities;

    /// The next messages, in the source's order, at least one. Cancel-safe: dropping the future loses nothing.
    ///
    /// # Errors
    /// After a transient error it may be called again and reconnects by itself; the caller waits in between.
    fn recv(
        &mut self,
    ) -> impl Future<Output = Result<Vec<Delivery<Self::Receipt>>, Self::Error>> + Send;

    /// Ends the source: flushes acknowledgements already given and leaves the broker in an orderly way. What was not
    /// acknowledged goes back to the broker.
    ///
    /// # Errors
    /// When acknowledgements could not be flushed; their messages will be delivered again.
    fn close(self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Where messages go.
pub trait Sink: Send + 'static {
    /// Resolves when the broker has accepted the message (see [`Capabilities::confirms`]).
    type Confirmation: Future<Output = Result<(), Self::Error>> + Send + 'static;
    /// Why sending failed.
    type Error: Error + Classify + Send + Sync + 'static;

    /// What this sink can promise.
    fn capabilities(&self) -> Capabilities;

    /// Enqueues the message; resolves when its place in the order of calls is taken. Full queues are waited for.
    ///
    /// # Errors
    /// After a transient error it may be called again and reconnects by itself; the caller waits in between.
    fn send(
        &mut self,
        envelope: Envelope,
    ) -> impl Future<Output = Result<Self::Confirmation, Self::Error>> + Send;

    /// Flushes what is enqueued and leaves the broker in an orderly way.
    ///
    /// # Errors
    /// When something enqueued could not be delivered.
    fn close(self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
