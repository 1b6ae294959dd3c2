//! A message with its payload opened.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use m2m_engine::{Engine, Inbound};
use rdkafka::Message as _;
use rdkafka::Timestamp;
use rdkafka::message::{
    BorrowedHeaders, BorrowedMessage, FromBytes, Headers, OwnedHeaders, OwnedMessage,
};

use crate::error::OpenFailure;
use crate::headers;

/// A message as rdkafka's [`BorrowedMessage`], with its payload opened and the mark gone from its headers.
///
/// It has the methods of rdkafka's `Message` trait, but for `payload_mut`, which is unsafe; where the trait itself is
/// wanted, [`detach`](Self::detach) gives it.
pub struct Message<'a> {
    raw: BorrowedMessage<'a>,
    opened: Option<Opened>,
}

/// What a message holds that differs from what arrived.
struct Opened {
    framed: bool,
    payload: Payload,
    /// `None` where the message's own stand.
    headers: Option<OwnedHeaders>,
}

enum Payload {
    /// As it stands in the message.
    Part(Range<usize>),
    Decoded(Vec<u8>),
}

impl<'a> Message<'a> {
    pub(super) fn open(
        engine: &Engine,
        raw: BorrowedMessage<'a>,
    ) -> Result<Self, Box<OpenFailure>> {
        let keyed = engine.has_keys();
        let found = if keyed { headers::engines(raw.headers()) } else { Vec::new() };
        let identity =
            (!found.is_empty()).then(|| identity(raw.topic(), raw.partition(), raw.offset()));
        let inbound = Inbound {
            key: raw.key(),
            time: keyed.then(SystemTime::now),
            identity: identity.as_deref(),
            headers: &found,
            ..Inbound::from(if keyed { raw.topic() } else { "" })
        };
        let Some(frame) = raw.payload() else {
            return match engine.open_null(&inbound) {
                Ok(()) => Ok(Self { raw, opened: None }),
                Err(source) => Err(Box::new(OpenFailure { message: raw.detach(), source })),
            };
        };
        let opened = match engine.open(frame, &inbound) {
            Ok(opened) => opened,
            Err(source) => {
                return Err(Box::new(OpenFailure { message: raw.detach(), source }));
            }
        };
        if opened.is_untouched() {
            return Ok(Self { raw, opened: None });
        }
        let (framed, flag) = (opened.is_framed(), opened.verdict.header());
        let payload = match opened.payload {
            Cow::Borrowed(part) => Payload::Part(range_of(part, frame)),
            Cow::Owned(payload) => Payload::Decoded(payload),
        };
        let headers = headers::opened(raw.headers(), framed, flag);
        Ok(Self { raw, opened: Some(Opened { framed, payload, headers }) })
    }

    /// rdkafka's message, as it arrived.
    #[must_use]
    pub fn raw(&self) -> &BorrowedMessage<'a> {
        &self.raw
    }

    /// Whether the payload came in a frame.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.framed)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.raw.key()
    }

    /// The payload, opened; `None` for a tombstone.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        let raw = self.raw.payload()?;
        match &self.opened {
            None => Some(raw),
            Some(Opened { payload: Payload::Part(range), .. }) => raw.get(range.clone()),
            Some(Opened { payload: Payload::Decoded(payload), .. }) => Some(payload),
        }
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.raw.topic()
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.raw.partition()
    }

    /// The offset in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.raw.offset()
    }

    /// The producer's or the broker's time.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.raw.timestamp()
    }

    /// The headers, without the mark of a framed payload; `None` when there are none.
    #[must_use]
    pub fn headers(&self) -> Option<&BorrowedHeaders> {
        match &self.opened {
            Some(Opened { headers: Some(headers), .. }) => {
                (headers.count() > 0).then(|| headers.as_borrowed())
            }
            _ => self.raw.headers(),
        }
    }

    /// The payload, opened, as another type.
    #[must_use]
    pub fn payload_view<P: ?Sized + FromBytes>(&self) -> Option<Result<&P, P::Error>> {
        self.payload().map(P::from_bytes)
    }

    /// The key as another type.
    #[must_use]
    pub fn key_view<K: ?Sized + FromBytes>(&self) -> Option<Result<&K, K::Error>> {
        self.key().map(K::from_bytes)
    }

    /// Bytes of the payload, opened; 0 for a tombstone.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.payload().map_or(0, <[u8]>::len)
    }

    /// Bytes of the key; 0 without one.
    #[must_use]
    pub fn key_len(&self) -> usize {
        self.raw.key_len()
    }

    /// A copy that can outlive the consumer, with the payload opened and the mark gone.
    #[must_use]
    pub fn detach(&self) -> OwnedMessage {
        OwnedMessage::new(
            self.payload().map(<[u8]>::to_vec),
            self.key().map(<[u8]>::to_vec),
            self.topic().to_owned(),
            self.timestamp(),
            self.partition(),
            self.offset(),
            self.headers().map(BorrowedHeaders::detach),
        )
    }
}

/// Without key, payload and headers.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic())
            .field("partition", &self.partition())
            .field("offset", &self.offset())
            .field("is_framed", &self.is_framed())
            .finish_non_exhaustive()
    }
}

/// The broker's own identity of a message.
pub(crate) fn identity(topic: &str, partition: i32, offset: i64) -> String {
    format!("kafka/{topic}/{partition}/{offset}")
}

/// Where `part` lies in `whole`, of which it is a slice.
fn range_of(part: &[u8], whole: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr()).min(whole.len());
    start..(start + part.len()).min(whole.len())
}
