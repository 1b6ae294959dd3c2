//! The future that does the work.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::handle::{Anchor, BusError, Facts, Session};
use super::{Command, ConnectError, Place, Runtime, SendError};
use crate::bus::headers::{CORRELATION_ID, REPLY_TO};
use crate::bus::{Delivery, Envelope, Properties, Receipt, Sink, Source};
use crate::error::{Classify as _, Transience};
use crate::session::driver::{Action, Driver, Handle, Incoming, Outgoing};
use crate::session::error::End;
use crate::session::seed::Seed;
use crate::session::settings::Settings;
use crate::session::state::State;

/// How long a source rests that could not receive.
const REST: Duration = Duration::from_millis(250);
/// How long the last messages are waited for.
const LAST: Duration = Duration::from_secs(5);

type Flight = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task's side of a session.
pub(super) struct Line {
    connecting: Option<oneshot::Sender<Result<Session, ConnectError>>>,
    payloads: Option<mpsc::Sender<Vec<u8>>>,
    end: Arc<OnceLock<End>>,
    closing: Option<oneshot::Sender<End>>,
}

pub(super) struct Task<O, R> {
    pub(super) driver: Driver,
    pub(super) settings: Arc<Settings>,
    pub(super) place: Place,
    pub(super) sink: O,
    pub(super) runtime: R,
    pub(super) anchor: Weak<Anchor>,
    pub(super) asked: mpsc::UnboundedReceiver<Command>,
    pub(super) offer: mpsc::UnboundedSender<Session>,
    pub(super) sessions: HashMap<Handle, Line>,
    /// Messages without the broker's confirmation.
    pub(super) flying: FuturesUnordered<Flight>,
}

/// What the task woke up for.
enum Wake<T> {
    Command(Command),
    Received(T),
    /// A moment has come, or a message was confirmed.
    Time,
}

impl<O: Sink, R: Runtime> Task<O, R> {
    pub(super) async fn run<I: Source>(mut self, mut source: I) {
        let mut rests = None;
        loop {
            let due = self.act().await;
            match self.wake(&mut source, rests, due).await {
                Wake::Command(Command::End) => break,
                Wake::Command(command) => self.obey(command).await,
                Wake::Received(Ok(deliveries)) => {
                    rests = None;
                    for delivery in deliveries {
                        self.receive(delivery).await;
                    }
                }
                Wake::Received(Err(error)) if error.transience() == Transience::Transient => {
                    tracing::warn!(%error, "sessions cannot receive; trying again");
                    rests = Some(self.runtime.now().instant + REST);
                }
                Wake::Received(Err(error)) => {
                    tracing::error!(%error, "sessions cannot receive any more");
                    break;
                }
                Wake::Time => {
                    rests = rests.filter(|until| *until > self.runtime.now().instant);
                }
            }
        }
        self.end(source).await;
    }

    /// Does what is to be done now; when to look again.
    async fn act(&mut self) -> Option<Instant> {
        loop {
            let now = self.runtime.now();
            match self.driver.poll(now) {
                Action::Send(outgoing) => self.send(outgoing, None).await,
                Action::Opened(handle) => self.opened(handle),
                Action::Payload(handle, payload) => {
                    let line = self.sessions.get_mut(&handle);
                    let payloads = line.and_then(|line| line.payloads.as_mut());
                    // Without a receiver, the session is about to be closed.
                    if let Some(payloads) = payloads
                        && payloads.try_send(payload).is_err_and(|error| error.is_full())
                    {
                        self.driver.abort(handle, End::NotTaken, now);
                    }
                }
                Action::Ended(handle, end) => self.ended(handle, end),
                Action::Wait(due) => return due,
            }
        }
    }

    async fn wake<I: Source>(
        &mut self,
        source: &mut I,
        rests: Option<Instant>,
        due: Option<Instant>,
    ) -> Wake<Result<Vec<Delivery<I::Receipt>>, I::Error>> {
        let now = self.runtime.now().instant;
        let until = rests.into_iter().chain(due).min();
        // Far enough away where nothing is due.
        let time =
            until.map_or(Duration::from_secs(3600), |until| until.saturating_duration_since(now));
        let mut sleep = pin!(self.runtime.sleep(time));
        let mut receive = pin!(async {
            match rests {
                Some(_) => std::future::pending().await,
                None => source.recv().await,
            }
        });
        let (asked, flying) = (&mut self.asked, &mut self.flying);
        poll_fn(|cx| {
            while let Poll::Ready(Some(())) = flying.poll_next_unpin(cx) {}
            if let Poll::Ready(command) = asked.poll_next_unpin(cx) {
                return Poll::Ready(Wake::Command(command.unwrap_or(Command::End)));
            }
            if let Poll::Ready(received) = receive.as_mut().poll(cx) {
                return Poll::Ready(Wake::Received(received));
            }
            sleep.as_mut().poll(cx).map(|()| Wake::Time)
        })
        .await
    }

    async fn obey(&mut self, command: Command) {
        let now = self.runtime.now();
        match command {
            Command::End => {}
            Command::Connect { to, done } => {
                let seed = match Seed::from_os() {
                    Ok(seed) => seed,
                    Err(error) => return drop(done.send(Err(ConnectError::Session(error.into())))),
                };
                match self.driver.connect(to, &seed, now) {
                    Ok(handle) => {
                        let line = Line {
                            connecting: Some(done),
                            payloads: None,
                            end: Arc::default(),
                            closing: None,
                        };
                        self.sessions.insert(handle, line);
                    }
                    Err(error) => drop(done.send(Err(ConnectError::Session(error)))),
                }
            }
            Command::Send { handle, payload, done } => {
                match self.driver.send(handle, &payload, now) {
                    Ok(outgoing) => self.send(outgoing, Some(done)).await,
                    // The session knows why it is over.
                    Err(_) if self.driver.session(handle).is_none() => drop(done),
                    Err(error) => drop(done.send(Err(SendError::Session(error)))),
                }
            }
            Command::Close { handle, done } => {
                if let Some(line) = self.sessions.get_mut(&handle) {
                    line.closing = done;
                    self.driver.close(handle, now);
                }
            }
        }
    }

    async fn receive<T: Receipt>(&mut self, delivery: Delivery<T>) {
        let Delivery { envelope, receipt } = delivery;
        let Properties { reply_to, correlation_id, .. } = &envelope.properties;
        // A bus that has no place for them has them in headers.
        let incoming = Incoming {
            reply_to: reply_to.as_deref().or_else(|| envelope.header(REPLY_TO)),
            correlation: correlation_id.as_deref().or_else(|| envelope.header(CORRELATION_ID)),
        };
        let listening = !self.offer.is_closed();
        let result = match Seed::from_os() {
            Ok(seed) => {
                let raw = envelope.payload.as_deref().unwrap_or_default();
                self.driver.receive(raw, incoming, listening, &seed, self.runtime.now())
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = result {
            // Anybody may write there; what is refused changes nothing.
            tracing::debug!(%error, "a session message is refused");
        }
        if let Err(error) = receipt.ack().await {
            tracing::debug!(%error, "a session message is not acknowledged and may come again");
        }
        self.act().await;
    }

    async fn send(
        &mut self,
        outgoing: Outgoing,
        done: Option<oneshot::Sender<Result<(), SendError>>>,
    ) {
        let Outgoing { handle, to, correlation, message } = outgoing;
        let envelope = Envelope {
            address: to,
            key: self.place.keyed.then(|| Bytes::from(correlation.clone())),
            payload: Some(message.into()),
            properties: Properties {
                content_type: Some("application/json".to_owned()),
                correlation_id: Some(correlation).filter(|id| !id.is_empty()),
                reply_to: Some(self.place.address.clone()),
                ..Properties::default()
            },
            ..Envelope::default()
        };
        match self.sink.send(envelope).await {
            Ok(confirmation) => self.flying.push(Box::pin(async move {
                let result = confirmation.await;
                if let Err(error) = &result {
                    tracing::debug!(%error, "a session message was not confirmed");
                }
                if let Some(done) = done {
                    done.send(result.map_err(|error| SendError::Bus(BusError::new(error)))).ok();
                }
            })),
            Err(error) => {
                tracing::debug!(%error, "a session message was not sent");
                let error = BusError::new(error);
                match done {
                    Some(done) => drop(done.send(Err(SendError::Bus(error)))),
                    None => self.unsent(handle, error),
                }
            }
        }
    }

    /// An offer that cannot be sent at all is given up; all else is repeated, or asked for again, by the timers.
    fn unsent(&mut self, handle: Option<Handle>, error: BusError) {
        let asking = |handle: &Handle| {
            self.driver.session(*handle).is_some_and(|session| session.state() == State::HelloSent)
        };
        if let Some(handle) = handle.filter(asking)
            && error.transience() == Transience::Permanent
        {
            if let Some(line) = self.sessions.get_mut(&handle)
                && let Some(connecting) = line.connecting.take()
            {
                connecting.send(Err(ConnectError::Bus(error))).ok();
            }
            self.driver.abort(handle, End::Closed, self.runtime.now());
        }
    }

    fn opened(&mut self, handle: Handle) {
        let (Some(machine), Some(anchor)) = (self.driver.session(handle), self.anchor.upgrade())
        else {
            return;
        };
        let facts = Facts {
            id: machine.id().to_owned(),
            peer: machine.peer().cloned(),
            encrypted: machine.is_encrypted(),
        };
        let (payloads, received) = mpsc::channel(self.settings.limits.untaken);
        let line = self.sessions.entry(handle).or_insert_with(|| Line {
            connecting: None,
            payloads: None,
            end: Arc::default(),
            closing: None,
        });
        line.payloads = Some(payloads);
        let end = Arc::clone(&line.end);
        let session = Session { handle, anchor, facts, received, end };
        // What nobody takes is closed as it is dropped.
        match line.connecting.take() {
            Some(connecting) => drop(connecting.send(Ok(session))),
            None => drop(self.offer.unbounded_send(session)),
        }
    }

    fn ended(&mut self, handle: Handle, end: End) {
        let Some(line) = self.sessions.remove(&handle) else { return };
        // Before the sender of payloads goes, which is what the session waits for.
        line.end.get_or_init(|| end.clone());
        if let Some(connecting) = line.connecting {
            connecting.send(Err(ConnectError::Ended(end.clone()))).ok();
        }
        if let Some(closing) = line.closing {
            closing.send(end).ok();
        }
    }

    async fn end<I: Source>(mut self, source: I) {
        let handles: Vec<_> = self.driver.handles().collect();
        for handle in handles {
            self.driver.abort(handle, End::BusEnded, self.runtime.now());
        }
        self.act().await;
        let Self { mut flying, sink, runtime, .. } = self;
        let mut late = pin!(runtime.sleep(LAST));
        poll_fn(|cx| {
            while let Poll::Ready(confirmed) = flying.poll_next_unpin(cx) {
                if confirmed.is_none() {
                    return Poll::Ready(());
                }
            }
            late.as_mut().poll(cx)
        })
        .await;
        if let Err(error) = sink.close().await {
            tracing::debug!(%error, "the sink of sessions was not closed in good order");
        }
        if let Err(error) = source.close().await {
            tracing::debug!(%error, "the source of sessions was not closed in good order");
        }
    }
}
