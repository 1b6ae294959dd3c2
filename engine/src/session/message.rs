//! The messages of a session in JSON, member for member as the reference implementation (m2m-protocol 0.4.0) writes them.
//!
//! What we add stands in members that it passes over: `extensions` of HELLO and ACCEPT, `counter` and `proof` in the payload of the others.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::capabilities::{Algorithm, Capabilities};
use super::state::Kind;

/// A message of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Message<'a> {
    /// Which session it belongs to; HELLO and REJECT come before there is one.
    pub session_id: Option<Cow<'a, str>>,
    /// What it says.
    pub body: Body<'a>,
    /// When it was written, in milliseconds since the Unix epoch.
    pub timestamp: u64,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'a> {
    /// An offer to talk.
    Hello(Capabilities),
    /// The offer is taken.
    Accept(Capabilities),
    /// The offer is not taken.
    Reject(Rejection),
    /// A payload.
    Data(Data<'a>),
    /// Asks whether the peer is there.
    Ping(Mark),
    /// It is.
    Pong(Mark),
    /// The session is over.
    Close(Mark),
}

/// Why an offer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The reason.
    pub code: RejectionCode,
    /// The same in words.
    pub message: String,
    /// That whoever rejects holds the organisation's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// The reasons for which an offer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RejectionCode {
    /// Another major version.
    VersionMismatch,
    /// No algorithm that both have.
    NoCommonAlgorithm,
    /// The offer lacks the key exchange or the proof that is asked for, or its proof is wrong.
    SecurityPolicy,
    /// Too many sessions, or too many offers in a short time.
    RateLimited,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// A payload on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data<'a> {
    /// How it is put.
    pub algorithm: Algorithm,
    /// The payload so put, as text.
    #[serde(borrow)]
    pub content: Cow<'a, str>,
    /// The payload's own length in bytes, if it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_size: Option<u64>,
    /// The message's number in a session with keys, each direction for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
}

/// What goes with PING, PONG and CLOSE in a session with keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// As [`Data::counter`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
    /// That it comes from the session's peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// Why bytes are no message of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Longer than [`super::Limits::message`].
    #[error("the message has {len} bytes; the limit is {limit} (session limits.message)")]
    TooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Not JSON, a member is missing or of another type, or the kind of message is not known.
    #[error("not a session message: line {line}, column {column}")]
    Malformed {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
}

impl From<serde_json::Error> for MessageError {
    // Its own words may quote the message.
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed { line: error.line(), column: error.column() }
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Kind,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a, P> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    session_id: Option<Cow<'a, str>>,
    payload: P,
    timestamp: u64,
}

impl<'a, P: Deserialize<'a>> Wire<'a, P> {
    fn read(json: &'a [u8], body: impl FnOnce(P) -> Body<'a>) -> Result<Message<'a>, MessageError> {
        let wire: Self = serde_json::from_slice(json)?;
        Ok(Message {
            session_id: wire.session_id,
            body: body(wire.payload),
            timestamp: wire.timestamp,
        })
    }
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// When these bytes are none.
    pub fn read(json: &'a [u8]) -> Result<Self, MessageError> {
        let Head { kind } = serde_json::from_slice(json)?;
        match kind {
            Kind::Hello => Wire::read(json, Body::Hello),
            Kind::Accept => Wire::read(json, Body::Accept),
            Kind::Reject => Wire::read(json, Body::Reject),
            Kind::Data => Wire::read(json, Body::Data),
            // The reference implementation may leave their payload out.
            Kind::Ping => {
                Wire::read(json, |mark: Option<Mark>| Body::Ping(mark.unwrap_or_default()))
            }
            Kind::Pong => {
                Wire::read(json, |mark: Option<Mark>| Body::Pong(mark.unwrap_or_default()))
            }
            Kind::Close => {
                Wire::read(json, |mark: Option<Mark>| Body::Close(mark.unwrap_or_default()))
            }
        }
    }

    /// The message in JSON.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        match &self.body {
            Body::Hello(payload) | Body::Accept(payload) => self.written(payload),
            Body::Reject(payload) => self.written(payload),
            Body::Data(payload) => self.written(payload),
            Body::Ping(payload) | Body::Pong(payload) | Body::Close(payload) => {
                self.written(payload)
            }
        }
    }

    fn written(&self, payload: &impl Serialize) -> Vec<u8> {
        let Self { session_id, timestamp, .. } = self;
        let (kind, timestamp) = (self.kind(), *timestamp);
        let wire = Wire { kind, session_id: session_id.clone(), payload, timestamp };
        // Texts, numbers and maps of texts always serialise.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// What kind of message it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.body {
            Body::Hello(_) => Kind::Hello,
            Body::Accept(_) => Kind::Accept,
            Body::Reject(_) => Kind::Reject,
            Body::Data(_) => Kind::Data,
            Body::Ping(_) => Kind::Ping,
            Body::Pong(_) => Kind::Pong,
            Body::Close(_) => Kind::Close,
        }
    }
}

/// Which session a message says it belongs to, read without looking into its payload; `None` where it says nothing or is none.
#[must_use]
pub fn session_id(json: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Id {
        session_id: Option<String>,
        #[serde(rename = "type")]
        _kind: IgnoredAny,
    }
    serde_json::from_slice::<Id>(json).ok()?.session_id
}

#[cfg(test)]
mod tests;
