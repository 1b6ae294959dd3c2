//! JetStream as a target: each message confirmed by the stream that took it.

use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{
    GetStreamByNameErrorKind, PublishAckFuture, PublishError, PublishErrorKind,
};
use async_nats::{HeaderValue, Subject};
use m2m_engine::bus::{Capabilities, Envelope, Sink};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::core_sink::connected;
use super::mapping::{Outgoing, STREAM};
use crate::error::SinkError;
use crate::headers;

/// For how long it stays true that a subject has no stream.
const VERDICT: Duration = Duration::from_secs(1);

/// How a [`StreamSink`] sends.
#[derive(Debug, Clone)]
pub struct StreamSinkConfig {
    /// How long an acknowledgement is waited for; 5 seconds unless told otherwise.
    pub ack_timeout: Duration,
    /// How many messages may be unacknowledged before `send` waits; 1,000 unless told otherwise.
    pub max_in_flight: usize,
}

impl Default for StreamSinkConfig {
    fn default() -> Self {
        Self { ack_timeout: Duration::from_secs(5), max_in_flight: 1000 }
    }
}

/// Publishes to whichever stream takes the subject.
///
/// `Envelope::dedup_id` goes out as `Nats-Msg-Id`. A message that is sent again because one before it failed needs another id: its
/// first copy may have been stored before the one that failed, and the server would drop the second, leaving them in the wrong order.
#[derive(Debug)]
pub struct StreamSink {
    context: Context,
    ack_timeout: Duration,
    pending: mpsc::Sender<Pending>,
    acknowledging: JoinHandle<usize>,
}

#[derive(Debug)]
struct Pending {
    subject: Subject,
    acknowledgement: PublishAckFuture,
    deadline: Instant,
    answer: oneshot::Sender<Result<(), SinkError>>,
}

impl StreamSink {
    /// A sink over this context.
    ///
    /// # Panics
    /// Outside a Tokio runtime, as making the context does.
    #[must_use]
    pub fn new(mut context: Context, config: StreamSinkConfig) -> Self {
        let StreamSinkConfig { ack_timeout, max_in_flight } = config;
        context.set_timeout(ack_timeout);
        let (pending, taken) = mpsc::channel(max_in_flight.max(1));
        let acknowledging = tokio::spawn(acknowledge(context.clone(), taken));
        Self { context, ack_timeout, pending, acknowledging }
    }
}

impl Sink for StreamSink {
    type Confirmation = Acknowledged;
    type Error = SinkError;

    fn capabilities(&self) -> Capabilities {
        Capabilities { confirms: true, redelivers: true }
    }

    async fn send(&mut self, mut envelope: Envelope) -> Result<Acknowledged, SinkError> {
        let client = self.context.client();
        let id = envelope.dedup_id.take();
        let mut outgoing = Outgoing::new(envelope, STREAM)?;
        if let Some(id) = id {
            let Ok(value) = HeaderValue::from_str(&id) else {
                return Err(SinkError::DedupId { id });
            };
            headers::set(&mut outgoing.headers, NATS_MESSAGE_ID, value);
        }
        let Outgoing { subject, headers, payload, .. } = outgoing.fits(client.max_payload())?;

        let slot = self.pending.reserve().await.map_err(|_| SinkError::Closed)?;
        connected(&client)?;
        let sent = self.context.publish_with_headers(subject.clone(), headers, payload);
        let acknowledgement = sent.await.map_err(SinkError::JetStream)?;
        let (answer, confirmation) = oneshot::channel();
        let deadline = Instant::now() + self.ack_timeout;
        slot.send(Pending { subject, acknowledgement, deadline, answer });
        Ok(Acknowledged(confirmation))
    }

    async fn close(self) -> Result<(), SinkError> {
        drop(self.pending);
        match self.acknowledging.await {
            Ok(0) => Ok(()),
            Ok(count) => Err(SinkError::Unconfirmed { count }),
            Err(_) => Err(SinkError::Closed),
        }
    }
}

/// Resolves when the stream has stored the message, or found that it has it already.
#[derive(Debug)]
pub struct Acknowledged(oneshot::Receiver<Result<(), SinkError>>);

impl Future for Acknowledged {
    type Output = Result<(), SinkError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(answer.unwrap_or(Err(SinkError::Closed)))
    }
}

/// Awaits the acknowledgements in the order of sending, whether or not anybody waits for the confirmations; gives the number of
/// failures since the sink was closed.
async fn acknowledge(context: Context, mut pending: mpsc::Receiver<Pending>) -> usize {
    let mut streams = Streams { context, last: None };
    let mut failed = 0;
    while let Some(Pending { subject, acknowledgement, deadline, answer }) = pending.recv().await {
        let outcome = tokio::time::timeout_at(deadline, acknowledgement.into_future()).await;
        let outcome = match outcome {
            Ok(Ok(_stored)) => Ok(()),
            Ok(Err(error)) if error.kind() == PublishErrorKind::StreamNotFound => {
                Err(streams.not_answering(subject).await)
            }
            Ok(Err(error)) => Err(SinkError::JetStream(error)),
            Err(_) => Err(SinkError::JetStream(PublishError::new(PublishErrorKind::TimedOut))),
        };
        failed += usize::from(outcome.is_err() && pending.is_closed());
        // Nobody may be waiting any more.
        answer.send(outcome).ok();
    }
    failed
}

/// Tells a subject that no stream takes from one whose stream has no leader at the moment: to a publisher both look alike.
struct Streams {
    context: Context,
    last: Option<(Subject, bool, Instant)>,
}

impl Streams {
    async fn not_answering(&mut self, subject: Subject) -> SinkError {
        let known =
            self.last.as_ref().filter(|(of, _, at)| *of == subject && at.elapsed() < VERDICT);
        let nowhere = match known {
            Some((_, nowhere, _)) => *nowhere,
            None => {
                let found = self.context.stream_by_subject(subject.as_str()).await;
                let nowhere =
                    found.is_err_and(|error| error.kind() == GetStreamByNameErrorKind::NotFound);
                self.last = Some((subject.clone(), nowhere, Instant::now()));
                nowhere
            }
        };
        let subject = subject.into_string();
        if nowhere { SinkError::NoStream { subject } } else { SinkError::Unavailable { subject } }
    }
}
