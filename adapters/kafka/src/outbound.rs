//! The producer's own calls: wrap, then really send.

mod delivery;

use std::borrow::Cow;
use std::time::{Duration, Instant, SystemTime};

use m2m_engine::Outbound;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{OwnedHeaders, OwnedMessage, Timestamp, ToBytes};
use rdkafka::producer::{DeliveryFuture as InnerFuture, FutureRecord, PARTITION_UA};
use rdkafka::util::{AsyncRuntime, Timeout};

use delivery::Original;
pub use delivery::{DeliveryFuture, OwnedDeliveryResult};

use crate::client::FutureProducer;
use crate::error::SendError;
use crate::headers;

/// How long a send waits before it tries a full queue again, as rdkafka does.
const FULL: Duration = Duration::from_millis(100);

/// What goes on the wire instead of a record's payload and headers.
struct Wire<'a> {
    payload: Option<Cow<'a, [u8]>>,
    headers: Option<OwnedHeaders>,
    /// Whether `headers` go out; else the record's own do.
    marked: bool,
}

impl Wire<'_> {
    fn len(&self) -> usize {
        self.payload.as_ref().map_or(0, |payload| payload.len())
    }
}

impl<C: ClientContext + 'static, R: AsyncRuntime> FutureProducer<C, R> {
    /// Sends a record, as rdkafka's [`send`](rdkafka::producer::FutureProducer::send) does: it waits for room in a full queue for as
    /// long as `queue_timeout`, then for the delivery.
    ///
    /// # Errors
    /// When the payload was not wrapped or the record not delivered; with the record as it was given.
    pub async fn send<K, P, T>(
        &self,
        mut record: FutureRecord<'_, K, P>,
        queue_timeout: T,
    ) -> OwnedDeliveryResult
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
        T: Into<Timeout>,
    {
        let begun = Instant::now();
        let queue_timeout = queue_timeout.into();
        let mut wire = match self.wire(&record) {
            Ok(wire) => wire,
            Err(error) => return Err((error, owned(record))),
        };
        let len = wire.len();
        let delivery = loop {
            match self.enqueue(&mut wire, &mut record) {
                Ok(delivery) => break delivery,
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull))
                    if queue_timeout > Timeout::After(begun.elapsed()) =>
                {
                    R::delay_for(FULL).await;
                }
                Err(error) => {
                    let error = SendError::new(error, len, self.message_max_bytes());
                    return Err((error, owned(record)));
                }
            }
        };
        let marked = wire.marked;
        drop(wire); // librdkafka has its own copy
        match delivery.await {
            Ok(Ok(delivery)) => Ok(delivery),
            Ok(Err((error, message))) => {
                let message = if marked { Original::of(record).restore(message) } else { message };
                Err((SendError::new(error, len, None), message))
            }
            Err(_) => Err((SendError::Kafka(KafkaError::Canceled), owned(record))),
        }
    }

    /// Enqueues a record, as rdkafka's [`send_result`](rdkafka::producer::FutureProducer::send_result) does, without waiting for room.
    ///
    /// # Errors
    /// When the payload was not wrapped or the record not enqueued; with the record as it was given.
    #[expect(clippy::result_large_err, reason = "the record goes back, as in rdkafka")]
    pub fn send_result<'a, K, P>(
        &self,
        mut record: FutureRecord<'a, K, P>,
    ) -> Result<DeliveryFuture, (SendError, FutureRecord<'a, K, P>)>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let mut wire = match self.wire(&record) {
            Ok(wire) => wire,
            Err(error) => return Err((error, record)),
        };
        match self.enqueue(&mut wire, &mut record) {
            Ok(inner) => Ok(DeliveryFuture {
                inner,
                len: wire.len(),
                original: wire.marked.then(|| Original::of(record)),
            }),
            Err(error) => {
                let error = SendError::new(error, wire.len(), self.message_max_bytes());
                Err((error, record))
            }
        }
    }

    fn wire<'a, K, P>(&self, record: &FutureRecord<'a, K, P>) -> Result<Wire<'a>, SendError>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let outbound = Outbound {
            key: record.key.map(ToBytes::to_bytes),
            time: self.engine().has_keys().then(SystemTime::now),
            ..Outbound::to(record.topic)
        };
        let (framed, added, payload) = match record.payload {
            Some(payload) => {
                let wrapped =
                    self.engine().wrap(payload.to_bytes(), &outbound).map_err(SendError::Wrap)?;
                (wrapped.is_framed(), wrapped.headers, Some(wrapped.bytes))
            }
            None => {
                let added = self.engine().wrap_null(&outbound).map_err(SendError::Wrap)?;
                (false, added, None)
            }
        };
        let existing = record.headers.as_ref();
        let marked = framed || !added.is_empty() || existing.is_some_and(headers::has_engines);
        let headers = marked.then(|| headers::marked(existing, framed, &added));
        Ok(Wire { payload, headers, marked })
    }

    /// One try, which leaves `wire` and `record` as they were when it fails.
    fn enqueue<K, P>(
        &self,
        wire: &mut Wire<'_>,
        record: &mut FutureRecord<'_, K, P>,
    ) -> Result<InnerFuture, KafkaError>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let headers = if wire.marked { &mut wire.headers } else { &mut record.headers };
        let sent = FutureRecord {
            topic: record.topic,
            partition: record.partition,
            payload: wire.payload.as_deref(),
            key: record.key,
            timestamp: record.timestamp,
            headers: headers.take(),
        };
        self.inner().send_result(sent).map_err(|(error, sent)| {
            *headers = sent.headers;
            error
        })
    }
}

fn owned<K, P>(record: FutureRecord<'_, K, P>) -> OwnedMessage
where
    K: ToBytes + ?Sized,
    P: ToBytes + ?Sized,
{
    OwnedMessage::new(
        record.payload.map(|payload| payload.to_bytes().to_vec()),
        record.key.map(|key| key.to_bytes().to_vec()),
        record.topic.to_owned(),
        record.timestamp.map_or(Timestamp::NotAvailable, Timestamp::CreateTime),
        record.partition.unwrap_or(PARTITION_UA),
        0,
        record.headers,
    )
}
