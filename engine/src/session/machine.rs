//! One session: what may be said when, and what follows from it. Time and randomness are arguments; nothing is sent from here.

mod answer;
mod payload;
mod timers;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::capabilities::{Agreed, Capabilities};
use super::error::{End, SessionError};
use super::handshake::HelloDigest;
use super::keys::{Keys, Role};
use super::message::{Body, Mark, Message, MessageError};
use super::rate::Rate;
use super::seed::Seed;
use super::settings::Settings;
use super::state::{Kind, State, after_receiving, after_sending};
use crate::flow::Engine;
use crate::secure::SecretKey;

pub use timers::Due;

/// A moment, as the caller's clocks show it.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// By a clock that never goes back; all timers go by it.
    pub instant: Instant,
    /// Milliseconds since the Unix epoch, for the time stamps of messages.
    pub unix_ms: u64,
}

impl Moment {
    /// Now, by both clocks.
    #[must_use]
    pub fn at(instant: Instant, time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { instant, unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// What a message led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing but, perhaps, another state.
    Noted,
    /// This is to be sent to the peer.
    Answer(Vec<u8>),
    /// A payload.
    Payload(Vec<u8>),
}

/// One session with one peer.
pub struct Machine {
    settings: Arc<Settings>,
    engine: Arc<Engine>,
    state: State,
    role: Role,
    id: String,
    /// Ours until the session is established.
    secret: Option<SecretKey>,
    hello: HelloDigest,
    /// HELLO as it was sent, or ACCEPT as the answer to it, to be sent again where it got lost.
    handshake: Vec<u8>,
    /// What HELLO said of this side, until there is an answer.
    own: Option<Capabilities>,
    peer: Option<Capabilities>,
    agreed: Option<Agreed>,
    keys: Option<Keys>,
    rate: Rate,
    timers: timers::Timers,
    unproven: bool,
    end: Option<End>,
}

impl Machine {
    /// A session in which nothing has been said.
    #[must_use]
    pub fn new(settings: Arc<Settings>, engine: Arc<Engine>, now: Moment) -> Self {
        Self {
            rate: Rate::new(settings.limits.messages_per_second),
            settings,
            engine,
            state: State::Initial,
            role: Role::Initiator,
            id: String::new(),
            secret: None,
            hello: HelloDigest::default(),
            handshake: Vec::new(),
            own: None,
            peer: None,
            agreed: None,
            keys: None,
            timers: timers::Timers::new(now.instant),
            unproven: false,
            end: None,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it is over, once it is.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Which side this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The session's id, which the answering side chooses; empty before.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the peer says of itself, once the session is established. Without [`super::Protection::Authenticated`] anybody can say it.
    #[must_use]
    pub fn peer(&self) -> Option<&Capabilities> {
        self.peer.as_ref()
    }

    /// What was agreed, once the session is established.
    #[must_use]
    pub fn agreed(&self) -> Option<Agreed> {
        self.agreed
    }

    /// Whether payloads are encrypted with a key of this session.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether the peer is known to be there: not when all that came from it, in a session with keys, is a HELLO, which may be a captured one.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.state == State::Established && !self.is_doubtful()
    }

    /// HELLO, to be sent to the peer.
    ///
    /// # Errors
    /// When the session is not new.
    pub fn connect(&mut self, seed: &Seed, now: Moment) -> Result<Vec<u8>, SessionError> {
        let state = self.sending(Kind::Hello)?;
        self.role = Role::Initiator;
        let hello = self.hello(seed, now);
        self.enter(state, now);
        Ok(hello)
    }

    /// A payload on its way to the peer.
    ///
    /// # Errors
    /// When the session is not established, the payload cannot be wrapped, or is not for this peer.
    pub fn send(&mut self, payload: &[u8], now: Moment) -> Result<Vec<u8>, SessionError> {
        self.sending(Kind::Data)?;
        let body = Body::Data(self.data(payload)?);
        self.timers.spoke(now.instant);
        Ok(self.write(body, now))
    }

    /// PING, to be sent to the peer. The timers do so by themselves.
    ///
    /// # Errors
    /// When the session is not established.
    pub fn ping(&mut self, now: Moment) -> Result<Vec<u8>, SessionError> {
        self.sending(Kind::Ping)?;
        Ok(self.marked(Kind::Ping, Body::Ping, now))
    }

    /// CLOSE, to be sent to the peer; nothing more can be sent then.
    ///
    /// # Errors
    /// When the session is not established.
    pub fn close(&mut self, now: Moment) -> Result<Vec<u8>, SessionError> {
        let state = self.sending(Kind::Close)?;
        let close = self.marked(Kind::Close, Body::Close, now);
        self.enter(state, now);
        Ok(close)
    }

    /// Takes a message that came for this session. `seed` is used where it is a HELLO.
    ///
    /// # Errors
    /// When the message is refused, which leaves the session as it was, or ends it ([`Machine::end`]).
    pub fn receive(
        &mut self,
        message: &[u8],
        seed: &Seed,
        now: Moment,
    ) -> Result<Received, SessionError> {
        let limit = self.settings.limits.message;
        if message.len() > limit {
            return Err(MessageError::TooLong { len: message.len(), limit }.into());
        }
        self.take(message, Message::read(message)?, seed, now)
    }

    /// As [`Machine::receive`], of a message that was read already.
    pub(super) fn take(
        &mut self,
        raw: &[u8],
        message: Message<'_>,
        seed: &Seed,
        now: Moment,
    ) -> Result<Received, SessionError> {
        let (kind, state) = (message.kind(), self.state);
        if after_receiving(state, kind).is_empty() {
            return Err(SessionError::Unexpected { kind, state });
        }
        let Message { session_id, body, .. } = message;
        match body {
            Body::Hello(peer) => return self.on_hello(raw, peer, seed, now),
            Body::Accept(peer) => {
                return self.on_accept(raw, session_id.as_deref(), peer, now);
            }
            Body::Reject(rejection) => return self.on_reject(raw, rejection),
            _ if session_id.as_deref() != Some(&*self.id) => {
                return Err(SessionError::OtherSession { kind });
            }
            Body::Ping(mark) => {
                self.heard(kind, &mark, now)?;
                if self.state == State::Established {
                    return Ok(Received::Answer(self.marked(Kind::Pong, Body::Pong, now)));
                }
            }
            Body::Pong(mark) => self.heard(kind, &mark, now)?,
            Body::Close(mark) => {
                self.check(kind, &mark)?;
                if self.state == State::Closing {
                    self.over(End::Closed);
                } else {
                    let answer = self.marked(Kind::Close, Body::Close, now);
                    self.over(End::ClosedByPeer);
                    return Ok(Received::Answer(answer));
                }
            }
            Body::Data(data) => {
                let payload = self.opened(&data)?;
                self.counted(now)?;
                return Ok(Received::Payload(payload));
            }
        }
        Ok(Received::Noted)
    }

    /// Ends it for a reason that is the application's. What is to be sent to the peer, if anything.
    pub(super) fn abort(&mut self, end: End, now: Moment) -> Option<Vec<u8>> {
        let close =
            (self.state == State::Established).then(|| self.marked(Kind::Close, Body::Close, now));
        self.over(end);
        close
    }

    fn sending(&self, kind: Kind) -> Result<State, SessionError> {
        let state = self.state;
        after_sending(state, kind).ok_or(SessionError::Unexpected { kind, state })
    }

    fn heard(&mut self, kind: Kind, mark: &Mark, now: Moment) -> Result<(), SessionError> {
        self.check(kind, mark)?;
        self.counted(now)
    }

    fn check(&mut self, kind: Kind, mark: &Mark) -> Result<(), SessionError> {
        match &mut self.keys {
            Some(keys) => keys.check(kind, mark),
            None => Ok(()),
        }
    }

    /// Counts a message of the peer's against its limit.
    fn counted(&mut self, now: Moment) -> Result<(), SessionError> {
        if !self.rate.take(now.instant) {
            self.over(End::TooFast);
            let limit = self.settings.limits.messages_per_second;
            return Err(SessionError::TooFast { limit });
        }
        self.timers.heard(now.instant);
        Ok(())
    }

    fn marked(&mut self, kind: Kind, body: fn(Mark) -> Body<'static>, now: Moment) -> Vec<u8> {
        let mark = self.keys.as_mut().map(|keys| keys.mark(kind)).unwrap_or_default();
        self.timers.spoke(now.instant);
        self.write(body(mark), now)
    }

    fn write(&self, body: Body<'_>, now: Moment) -> Vec<u8> {
        let session_id = Some(self.id.as_str().into());
        Message { session_id, body, timestamp: now.unix_ms }.write()
    }

    fn enter(&mut self, state: State, now: Moment) {
        self.state = state;
        self.timers.enter(now.instant);
    }

    fn over(&mut self, end: End) {
        self.state = State::Closed;
        self.end = Some(end);
        // What is secret is not kept for longer than it is needed.
        self.keys = None;
        self.secret = None;
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("state", &self.state)
            .field("encrypted", &self.is_encrypted())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
