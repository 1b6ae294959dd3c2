//! Why a message of a session is refused, and why a session is over.

use super::capabilities::Algorithm;
use super::message::{MessageError, RejectionCode};
use super::state::{Kind, State};
use crate::error::{Classify, Transience};
use crate::flow::{OpenError, WrapError};
use crate::secure::NoRandomness;

/// Why a message was refused, or cannot be sent. The session stands where it stood, unless [`super::Machine::end`] says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The bytes are no message of a session.
    #[error("the message cannot be read")]
    Message(#[from] MessageError),
    /// The table has no such transition.
    #[error("{} has no place in state {state:?}", .kind.name())]
    Unexpected {
        /// The message.
        kind: Kind,
        /// Where the session stands.
        state: State,
    },
    /// It belongs to another session, or does not say to which.
    #[error("{} belongs to another session", .kind.name())]
    OtherSession {
        /// The message.
        kind: Kind,
    },
    /// It does not prove that it comes from the session's peer, or from a holder of the organisation's key. Not told: why.
    #[error("{} is not authentic", .kind.name())]
    NotAuthentic {
        /// The message.
        kind: Kind,
    },
    /// A message with this number came before, or is too old to tell.
    #[error("message {counter} was received before")]
    Repeated {
        /// Its number.
        counter: u64,
    },
    /// A payload in an algorithm that was not offered, or that is another one than it says.
    #[error("the payload is not in an algorithm that was offered ({algorithm:?})")]
    Algorithm {
        /// What the message says.
        algorithm: Algorithm,
    },
    /// The payload is longer than the peer takes.
    #[error("the payload has {len} bytes; the peer takes {limit}")]
    PeerLimit {
        /// Its length.
        len: usize,
        /// What the peer said.
        limit: u64,
    },
    /// The peer reads text only, and the payload is not UTF-8.
    #[error("the peer reads text only, and the payload is not UTF-8")]
    NotText,
    /// More messages a second than [`super::Limits::messages_per_second`]: the session is closed.
    #[error("the peer sends more than {limit} messages a second")]
    TooFast {
        /// The limit.
        limit: u32,
    },
    /// The payload cannot be wrapped.
    #[error("the payload cannot be wrapped")]
    Wrap(#[source] WrapError),
    /// The payload cannot be opened.
    #[error("the payload cannot be opened")]
    Open(#[source] OpenError),
    /// HELLO came without an address for the answer.
    #[error("HELLO came without an address for the answer")]
    NoReplyAddress,
    /// As many sessions as there may be.
    #[error("there are {limit} sessions already (session limits.sessions)")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Classify for SessionError {
    fn transience(&self) -> Transience {
        match self {
            Self::Wrap(source) => source.transience(),
            Self::Open(source) => source.transience(),
            Self::Random(_) | Self::TooMany { .. } => Transience::Transient,
            Self::Message(_)
            | Self::Unexpected { .. }
            | Self::OtherSession { .. }
            | Self::NotAuthentic { .. }
            | Self::Repeated { .. }
            | Self::Algorithm { .. }
            | Self::PeerLimit { .. }
            | Self::NotText
            | Self::NoReplyAddress
            | Self::TooFast { .. } => Transience::Permanent,
        }
    }
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum End {
    /// This side closed it.
    #[error("closed")]
    Closed,
    /// The peer closed it.
    #[error("closed by the peer")]
    ClosedByPeer,
    /// The peer did not take the offer.
    #[error("rejected by the peer ({code:?}): {message}")]
    Rejected {
        /// Its reason.
        code: RejectionCode,
        /// The same in its words, cut to 256 bytes.
        message: String,
    },
    /// The peer's offer was not taken, or its answer to ours cannot be.
    #[error("the peer's terms cannot be accepted ({code:?})")]
    NotAgreed {
        /// The reason.
        code: RejectionCode,
    },
    /// No answer to the offer came in time.
    #[error("no answer in time{}", if *.unproven { "; one came that did not prove the organisation's key" } else { "" })]
    NoAnswer {
        /// Whether one came that was not authentic: the peer has another key or none, or somebody else answered.
        unproven: bool,
    },
    /// The peer answered no PING.
    #[error("the peer is gone: {pings} PINGs without answer")]
    PeerGone {
        /// How many were sent.
        pings: u32,
    },
    /// Nothing was sent or received for the idle time.
    #[error("nothing was said for too long")]
    Idle,
    /// The peer sent more than it may.
    #[error("the peer sent too many messages a second")]
    TooFast,
    /// The bus cannot be used any more, or the agent has ended.
    #[error("the connection to the bus has ended")]
    BusEnded,
    /// The application did not take what was received.
    #[error("what was received was not taken")]
    NotTaken,
}

impl Classify for End {
    fn transience(&self) -> Transience {
        match self {
            Self::Rejected { code: RejectionCode::RateLimited, .. }
            | Self::NoAnswer { unproven: false }
            | Self::PeerGone { .. }
            | Self::Idle
            | Self::NotTaken
            | Self::BusEnded
            | Self::TooFast => Transience::Transient,
            Self::Closed
            | Self::ClosedByPeer
            | Self::Rejected { .. }
            | Self::NotAgreed { .. }
            | Self::NoAnswer { unproven: true } => Transience::Permanent,
        }
    }
}
