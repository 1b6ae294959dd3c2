//! What applications hold.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt as _;

use super::Command;
use crate::bus::Address;
use crate::error::{Classify, Transience};
use crate::session::capabilities::Capabilities;
use crate::session::driver::Handle;
use crate::session::error::{End, SessionError};

/// Why the bus did not take a message: the adapter's own error.
#[derive(Debug, thiserror::Error)]
#[error("the bus did not take the message")]
pub struct BusError {
    transience: Transience,
    source: Box<dyn Error + Send + Sync>,
}

impl BusError {
    pub(super) fn new(error: impl Error + Classify + Send + Sync + 'static) -> Self {
        Self { transience: error.transience(), source: Box::new(error) }
    }
}

impl Classify for BusError {
    fn transience(&self) -> Transience {
        self.transience
    }
}

/// Why a session was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The peer did not answer, or not as it should.
    #[error("there is no session")]
    Ended(#[source] End),
    /// It cannot be asked for.
    #[error("the offer cannot be made")]
    Session(#[source] SessionError),
    /// The offer cannot be sent there at all.
    #[error("the offer cannot be sent")]
    Bus(#[source] BusError),
}

impl Classify for ConnectError {
    fn transience(&self) -> Transience {
        match self {
            Self::Ended(end) => end.transience(),
            Self::Session(source) => source.transience(),
            Self::Bus(source) => source.transience(),
        }
    }
}

/// Why a payload was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is over.
    #[error("the session is over")]
    Ended(#[source] End),
    /// The payload cannot be sent in this session.
    #[error("the payload cannot be sent")]
    Session(#[source] SessionError),
    /// The bus did not take it; it may be sent again.
    #[error("the payload was not sent")]
    Bus(#[source] BusError),
}

impl Classify for SendError {
    fn transience(&self) -> Transience {
        match self {
            // Another session may do.
            Self::Ended(_) => Transience::Permanent,
            Self::Session(source) => source.transience(),
            Self::Bus(source) => source.transience(),
        }
    }
}

/// What all handles share. When the last one goes, the task ends.
#[derive(Debug)]
pub(super) struct Anchor(mpsc::UnboundedSender<Command>);

impl Anchor {
    pub(super) fn new(commands: mpsc::UnboundedSender<Command>) -> Self {
        Self(commands)
    }

    /// Not bounded, but by the handles there are: each waits for its answer before it asks again.
    fn ask(&self, command: Command) {
        // Where the task has ended, the answer's sender goes with the command.
        self.0.unbounded_send(command).ok();
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        self.ask(Command::End);
    }
}

/// Opens sessions with peers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Endpoint {
    anchor: Arc<Anchor>,
}

impl Endpoint {
    pub(super) fn new(anchor: Arc<Anchor>) -> Self {
        Self { anchor }
    }

    /// Opens a session with the agent that listens at this address. Dropped before it is done, the session is closed.
    ///
    /// # Errors
    /// When there is no answer in time, or the two do not come to terms.
    pub async fn connect(&self, peer: Address) -> Result<Session, ConnectError> {
        let (done, answer) = oneshot::channel();
        self.anchor.ask(Command::Connect { to: peer, done });
        answer.await.unwrap_or(Err(ConnectError::Ended(End::BusEnded)))
    }
}

/// Takes the sessions that others open. Dropped, it lets no more be opened.
#[derive(Debug)]
pub struct Listener {
    offered: mpsc::UnboundedReceiver<Session>,
    _anchor: Arc<Anchor>,
}

impl Listener {
    pub(super) fn new(offered: mpsc::UnboundedReceiver<Session>, anchor: Arc<Anchor>) -> Self {
        Self { offered, _anchor: anchor }
    }

    /// The next session that a peer opened; `None` when there will be none, because the bus has ended. Cancel-safe.
    pub async fn accept(&mut self) -> Option<Session> {
        self.offered.next().await
    }
}

/// A session with a peer. Dropped, it is closed.
pub struct Session {
    pub(super) handle: Handle,
    pub(super) anchor: Arc<Anchor>,
    pub(super) facts: Facts,
    pub(super) received: mpsc::Receiver<Vec<u8>>,
    pub(super) end: Arc<OnceLock<End>>,
}

/// What does not change in a session.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) peer: Option<Capabilities>,
    pub(super) encrypted: bool,
}

impl Session {
    /// Its id, the same on both sides.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.facts.id
    }

    /// The agent at the other end, as it calls itself. Proven to be one of the organisation's under
    /// [`Protection::Authenticated`](crate::session::Protection::Authenticated) alone, and even then not which.
    #[must_use]
    pub fn peer_id(&self) -> &str {
        self.facts.peer.as_ref().map_or("", |peer| &peer.agent_id)
    }

    /// All that the peer says of itself.
    #[must_use]
    pub fn peer(&self) -> Option<&Capabilities> {
        self.facts.peer.as_ref()
    }

    /// Whether payloads are encrypted with a key of this session.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.facts.encrypted
    }

    /// Sends a payload; resolves when the bus has it, as far as the bus can tell. The peer may still not get it, if its session ends.
    ///
    /// # Errors
    /// When the session is over, the payload cannot be sent in it, or the bus did not take it.
    pub async fn send(&mut self, payload: impl Into<Bytes>) -> Result<(), SendError> {
        let (done, answer) = oneshot::channel();
        let (handle, payload) = (self.handle, payload.into());
        self.anchor.ask(Command::Send { handle, payload, done });
        answer.await.unwrap_or_else(|_| Err(SendError::Ended(self.ended())))
    }

    /// The next payload of the peer's. Cancel-safe.
    ///
    /// # Errors
    /// Why the session is over, once it is and all that came before was taken.
    pub async fn recv(&mut self) -> Result<Vec<u8>, End> {
        match self.received.next().await {
            Some(payload) => Ok(payload),
            None => Err(self.ended()),
        }
    }

    /// Closes the session, and waits until the peer has answered or the time for that is over.
    pub async fn close(self) -> End {
        let (done, ended) = oneshot::channel();
        self.anchor.ask(Command::Close { handle: self.handle, done: Some(done) });
        ended.await.unwrap_or_else(|_| self.ended())
    }

    fn ended(&self) -> End {
        self.end.get().cloned().unwrap_or(End::BusEnded)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.anchor.ask(Command::Close { handle: self.handle, done: None });
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.facts.id)
            .field("peer", &self.peer_id())
            .field("encrypted", &self.facts.encrypted)
            .field("end", &self.end.get())
            .finish_non_exhaustive()
    }
}
