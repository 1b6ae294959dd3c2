//! The adapters' sources and sinks behind one type each: the only place that knows them all.

use std::error::Error;

use m2m_amqp::link::{ExchangeSink, QueueSource};
use m2m_engine::bus::{Delivery, Envelope, Receipt, Sink, Source};
use m2m_engine::error::{Classify, Transience};
use m2m_kafka::{KafkaSink, KafkaSource};
use m2m_memory::link::{MemorySink, MemorySource};
use m2m_nats::link::{CoreSink, CoreSource, StreamSink, StreamSource};

/// Something that a source, a sink or a receipt said. What it means for a retry was decided by its adapter.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct LinkError {
    transience: Transience,
    /// There was no connection: no message is to blame.
    blameless: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl LinkError {
    /// There is no connection: a retry can help, whatever the adapter makes of it, and no message is to blame.
    pub(crate) fn unconnected(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { transience: Transience::Transient, blameless: true, source: error.into() }
    }

    /// An error that stays until somebody changes the configuration.
    pub(crate) fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { transience: Transience::Permanent, blameless: false, source: error.into() }
    }

    /// An error of an adapter.
    pub(crate) fn of(error: impl Error + Classify + Send + Sync + 'static) -> Self {
        Self { transience: error.transience(), blameless: false, source: Box::new(error) }
    }

    /// Whether it says nothing about the message.
    pub(crate) fn is_blameless(&self) -> bool {
        self.blameless
    }

    /// The error with its causes, in one line.
    pub(crate) fn in_words(&self) -> String {
        let causes = std::iter::successors(self.source.source(), |error| (*error).source());
        causes.fold(self.source.to_string(), |words, cause| format!("{words}: {cause}"))
    }
}

impl Classify for LinkError {
    fn transience(&self) -> Transience {
        self.transience
    }
}

macro_rules! any {
    ($($kind:ident($source:ty, $sink:ty),)*) => {
        /// Any adapter's source.
        #[derive(Debug)]
        pub(crate) enum AnySource { $($kind(Box<$source>),)* }

        /// Any adapter's receipt.
        #[derive(Debug)]
        pub(crate) enum AnyReceipt { $($kind(<$source as Source>::Receipt),)* }

        /// Any adapter's sink.
        pub(crate) enum AnySink { $($kind(Box<$sink>),)* }

        /// Any adapter's confirmation.
        pub(crate) enum AnyConfirmation { $($kind(<$sink as Sink>::Confirmation),)* }

        impl AnyConfirmation {
            /// Resolves when the broker has accepted the message.
            pub(crate) async fn confirmed(self) -> Result<(), LinkError> {
                match self { $(Self::$kind(accepted) => accepted.await.map_err(OfSink::of_sink),)* }
            }
        }

        $(impl From<$source> for AnySource {
            fn from(source: $source) -> Self { Self::$kind(Box::new(source)) }
        }

        impl From<$sink> for AnySink {
            fn from(sink: $sink) -> Self { Self::$kind(Box::new(sink)) }
        })*

        impl Source for AnySource {
            type Receipt = AnyReceipt;
            type Error = LinkError;

            fn capabilities(&self) -> m2m_engine::bus::Capabilities {
                match self { $(Self::$kind(source) => source.capabilities(),)* }
            }

            async fn recv(&mut self) -> Result<Vec<Delivery<AnyReceipt>>, LinkError> {
                match self {
                    $(Self::$kind(source) => {
                        let batch = source.recv().await.map_err(LinkError::of)?;
                        let any = |Delivery { envelope, receipt }| {
                            Delivery { envelope, receipt: AnyReceipt::$kind(receipt) }
                        };
                        Ok(batch.into_iter().map(any).collect())
                    })*
                }
            }

            async fn close(self) -> Result<(), LinkError> {
                match self { $(Self::$kind(source) => source.close().await.map_err(LinkError::of),)* }
            }
        }

        impl Receipt for AnyReceipt {
            type Error = LinkError;

            async fn ack(self) -> Result<(), LinkError> {
                match self { $(Self::$kind(receipt) => receipt.ack().await.map_err(LinkError::of),)* }
            }

            async fn nack(self) -> Result<(), LinkError> {
                match self { $(Self::$kind(receipt) => receipt.nack().await.map_err(LinkError::of),)* }
            }
        }

        impl AnySink {
            pub(crate) fn capabilities(&self) -> m2m_engine::bus::Capabilities {
                match self { $(Self::$kind(sink) => sink.capabilities(),)* }
            }

            /// As [`Sink::send`].
            pub(crate) async fn send(
                &mut self,
                envelope: Envelope,
            ) -> Result<AnyConfirmation, LinkError> {
                match self {
                    $(Self::$kind(sink) => match sink.send(envelope).await {
                        Ok(confirmation) => Ok(AnyConfirmation::$kind(confirmation)),
                        Err(error) => Err(error.of_sink()),
                    })*
                }
            }

            pub(crate) async fn close(self) -> Result<(), LinkError> {
                match self { $(Self::$kind(sink) => sink.close().await.map_err(LinkError::of),)* }
            }
        }
    };
}

any! {
    Memory(MemorySource, MemorySink),
    NatsCore(CoreSource, CoreSink),
    NatsStream(StreamSource, StreamSink),
    Kafka(KafkaSource, KafkaSink),
    Amqp(QueueSource, ExchangeSink),
}

/// A sink's error, judged as the message's: an adapter's verdict on a connection is no verdict on the message, which would become a dead
/// letter for a password that somebody is changing just now.
trait OfSink: Error + Classify + Send + Sync + Sized + 'static {
    fn of_sink(self) -> LinkError {
        if self.is_connection() { LinkError::unconnected(self) } else { LinkError::of(self) }
    }

    fn is_connection(&self) -> bool {
        false
    }
}

impl OfSink for m2m_memory::error::SendError {}

impl OfSink for m2m_nats::error::SinkError {
    fn is_connection(&self) -> bool {
        matches!(self, Self::Disconnected)
    }
}

impl OfSink for m2m_kafka::SinkError {
    fn is_connection(&self) -> bool {
        matches!(self, Self::Create(_))
    }
}

impl OfSink for m2m_amqp::link::SinkError {
    fn is_connection(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Channel(_))
    }
}
