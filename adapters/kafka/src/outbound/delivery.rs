//! What becomes of a record once it is enqueued.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rdkafka::message::{OwnedHeaders, OwnedMessage, ToBytes};
use rdkafka::producer::future_producer::Delivery;
use rdkafka::producer::{DeliveryFuture as InnerFuture, FutureRecord};

use crate::error::{Canceled, SendError};

/// Where the record went, or why it was not delivered, with the record as it was given: its original payload and headers.
pub type OwnedDeliveryResult = Result<Delivery, (SendError, OwnedMessage)>;

/// What a framed record was before.
pub(super) struct Original {
    payload: Option<Vec<u8>>,
    headers: Option<OwnedHeaders>,
}

impl Original {
    pub(super) fn of<K, P>(record: FutureRecord<'_, K, P>) -> Self
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        Self {
            payload: record.payload.map(|payload| payload.to_bytes().to_vec()),
            headers: record.headers,
        }
    }

    pub(super) fn restore(self, message: OwnedMessage) -> OwnedMessage {
        message.set_payload(self.payload).replace_headers(self.headers)
    }
}

/// Resolves when the record was delivered, or was not.
///
/// Of a record that went out framed it keeps a copy as it was given, until then.
#[must_use = "the delivery is only known once this is awaited"]
pub struct DeliveryFuture {
    pub(super) inner: InnerFuture,
    pub(super) len: usize,
    pub(super) original: Option<Original>,
}

impl fmt::Debug for DeliveryFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryFuture").finish_non_exhaustive()
    }
}

impl Future for DeliveryFuture {
    type Output = Result<OwnedDeliveryResult, Canceled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        Poll::Ready(match ready!(Pin::new(&mut this.inner).poll(cx)) {
            Err(_) => Err(Canceled),
            Ok(Ok(delivery)) => Ok(Ok(delivery)),
            Ok(Err((error, message))) => {
                let message = match this.original.take() {
                    Some(original) => original.restore(message),
                    None => message,
                };
                // The client's own limit is judged before a record is enqueued, so this one is the broker's.
                Ok(Err((SendError::new(error, this.len, None), message)))
            }
        })
    }
}
