//! What the suite asks of a broker.

use std::error::Error;
use std::future::Future;
use std::iter::successors;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use m2m_engine::bus::{Address, Envelope, Sink, Source};
use m2m_engine::{Engine, OpenError};

/// A message as a client sees it, in the few words that all clients share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// The Kafka key; never set where [`Fixture::KEYS`] is false.
    pub key: Option<Bytes>,
    /// Headers of the application, without the content encoding. Names are ASCII and do not repeat.
    pub headers: Vec<(String, String)>,
    /// The content encoding, where that broker keeps it.
    pub encoding: Option<String>,
    /// The payload; `None`, which is Kafka's tombstone, only where [`Fixture::NULLS`] is true.
    pub payload: Option<Bytes>,
}

impl Note {
    /// A note with a payload and nothing else.
    pub fn of(payload: impl Into<Bytes>) -> Self {
        Self { payload: Some(payload.into()), ..Self::default() }
    }
}

/// What a consumer got.
#[derive(Debug)]
pub enum Arrival {
    /// A message, opened (wrapped client) or as it is on the wire (bare client).
    Opened(Note),
    /// The error that an unopenable message arrives as.
    Unopenable {
        /// The payload of the raw message that the error carries.
        raw: Option<Bytes>,
        /// Whether the engine's error is among the causes.
        by_engine: bool,
        /// What the error says, causes included.
        text: String,
    },
}

impl Arrival {
    /// From an adapter's error and the payload of the raw message in it.
    pub fn unopenable(raw: Option<Bytes>, error: &dyn Error) -> Self {
        let by_engine = successors(error.source(), |error| (*error).source())
            .any(|error| error.is::<OpenError>());
        Self::Unopenable { raw, by_engine, text: causes(error) }
    }
}

/// What an error says, causes included.
pub fn causes(error: &dyn Error) -> String {
    let causes: Vec<String> =
        successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect();
    causes.join(": ")
}

/// Why a note was not published.
#[derive(Debug)]
pub struct Rejected {
    /// The payload that the error gives back; for a bare client whatever it was given.
    pub payload: Option<Bytes>,
    /// Whether the error is the one for a message over a size limit, told by its variant and not by its text.
    pub too_large: bool,
    /// What the error says, causes included ([`causes`]).
    pub text: String,
}

impl From<Rejected> for anyhow::Error {
    fn from(rejected: Rejected) -> Self {
        Self::msg(rejected.text)
    }
}

/// A client that publishes to the fixture's destination.
pub trait Producer: Send {
    /// Publishes, and waits until the broker has it (on core NATS: until it is flushed).
    ///
    /// # Errors
    /// When it was not published.
    fn publish(&mut self, note: Note) -> impl Future<Output = Result<(), Rejected>> + Send;
}

/// A client that consumes from the fixture's destination.
pub trait Consumer: Send {
    /// Waits for the next message. The suite sets the deadline.
    ///
    /// # Errors
    /// When there will be none.
    fn next(&mut self) -> impl Future<Output = Result<Arrival>> + Send;

    /// Acknowledges what `next` gave last, opened or not, and waits until that has taken effect. On core NATS it does nothing.
    ///
    /// # Errors
    /// When it could not be acknowledged.
    fn ack(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// A destination of its own on a broker, and the ways to it.
pub trait Fixture: Sized + Send + Sync + 'static {
    /// The link's source.
    type Source: Source;
    /// The link's sink.
    type Sink: Sink;
    /// Publishes through the adapter.
    type Producer: Producer;
    /// Consumes through the adapter.
    type Consumer: Consumer;
    /// Publishes through the client underneath.
    type BareProducer: Producer;
    /// Consumes through the client underneath.
    type BareConsumer: Consumer;

    /// Whether messages have keys, natively.
    const KEYS: bool;
    /// Whether a null payload differs from an empty one, natively.
    const NULLS: bool;
    /// Whether destinations may have names beyond ASCII.
    const UNICODE_NAMES: bool;
    /// The longest payload that [`Fixture::producer`] and the sink can send, in bytes: a payload 4 KiB shorter must go, one
    /// 4 KiB longer must be refused. 16 MiB, where the engine's own limit is below the broker's.
    const MAX_PAYLOAD: usize;

    /// An empty destination that no other test uses, on the shared broker.
    ///
    /// # Errors
    /// When the broker cannot be had.
    fn new() -> impl Future<Output = Result<Self>> + Send;

    /// Where the sink and the producers send to, and everything else receives from.
    fn address(&self) -> Address;

    /// Where [`Fixture::UNICODE_NAMES`] holds: a second address, with letters beyond ASCII in it, from which the source receives
    /// too. Elsewhere: an address that the broker refuses for such letters.
    fn unicode_address(&self) -> Address;

    /// An address that is well formed and at which nothing is: no stream, no topic, no queue.
    fn nowhere(&self) -> Address;

    /// An envelope to [`Fixture::address`] with everything set that this broker can express itself, as its source hands it out.
    fn native_envelope(&self) -> Envelope;

    /// A new source, of the same group each time. Nothing that is sent after this has returned is missed.
    ///
    /// # Errors
    /// When it cannot be made.
    fn source(&self) -> impl Future<Output = Result<Self::Source>> + Send;

    /// A new sink.
    ///
    /// # Errors
    /// When it cannot be made.
    fn sink(&self) -> impl Future<Output = Result<Self::Sink>> + Send;

    /// A new wrapped producer.
    ///
    /// # Errors
    /// When it cannot be made.
    fn producer(&self, engine: Arc<Engine>) -> impl Future<Output = Result<Self::Producer>> + Send;

    /// A new wrapped consumer, of the same group each time. Nothing that is sent after this has returned is missed.
    ///
    /// # Errors
    /// When it cannot be made.
    fn consumer(&self, engine: Arc<Engine>) -> impl Future<Output = Result<Self::Consumer>> + Send;

    /// A new producer of the client underneath.
    ///
    /// # Errors
    /// When it cannot be made.
    fn bare_producer(&self) -> impl Future<Output = Result<Self::BareProducer>> + Send;

    /// A new consumer of the client underneath, of the same group each time. Nothing that is sent after this has returned is missed.
    ///
    /// # Errors
    /// When it cannot be made.
    fn bare_consumer(&self) -> impl Future<Output = Result<Self::BareConsumer>> + Send;
}
