//! The states of a session, the messages, and the one table that says which message leads from which state to which.

use serde::{Deserialize, Serialize};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing has been said.
    Initial,
    /// HELLO was sent.
    HelloSent,
    /// Both sides have agreed; payloads may go.
    Established,
    /// CLOSE was sent; what the peer sent before it got that still comes.
    Closing,
    /// Over.
    Closed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Initial, Self::HelloSent, Self::Established, Self::Closing, Self::Closed];
}

/// The kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// An offer to talk.
    Hello,
    /// The offer is taken.
    Accept,
    /// The offer is not taken.
    Reject,
    /// A payload.
    Data,
    /// Asks whether the peer is there.
    Ping,
    /// It is.
    Pong,
    /// The session is over.
    Close,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Hello, Self::Accept, Self::Reject, Self::Data, Self::Ping, Self::Pong, Self::Close];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "HELLO",
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
            Self::Data => "DATA",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Close => "CLOSE",
        }
    }
}

/// The states to which receiving a message may lead; none where it is refused, which changes nothing.
#[must_use]
pub fn after_receiving(state: State, kind: Kind) -> &'static [State] {
    use Kind::{Accept, Close, Data, Hello, Ping, Pong, Reject};
    use State::{Closed, Closing, Established, HelloSent, Initial};
    match (state, kind) {
        (Initial, Hello) | (HelloSent, Accept) => &[Established, Closed],
        (HelloSent, Reject) => &[Closed],
        // The same HELLO again, by a peer that has not got the answer.
        (Established, Hello) => &[Established],
        // Closed by a peer that sends too much.
        (Established, Data | Ping | Pong) => &[Established, Closed],
        (Closing, Data | Ping | Pong) => &[Closing],
        (Established | Closing, Close) => &[Closed],
        (Initial, Accept | Reject | Data | Ping | Pong | Close)
        | (HelloSent, Hello | Data | Ping | Pong | Close)
        | (Established | Closing, Accept | Reject)
        | (Closing, Hello)
        | (Closed, Hello | Accept | Reject | Data | Ping | Pong | Close) => &[],
    }
}

/// The state to which sending a message of one's own accord leads; `None` where it cannot be sent.
#[must_use]
pub fn after_sending(state: State, kind: Kind) -> Option<State> {
    use Kind::{Accept, Close, Data, Hello, Ping, Pong, Reject};
    use State::{Closed, Closing, Established, HelloSent, Initial};
    match (state, kind) {
        (Initial, Hello) => Some(HelloSent),
        (Established, Data | Ping) => Some(Established),
        (Established, Close) => Some(Closing),
        // ACCEPT, REJECT and PONG are answers.
        (Initial, Data | Ping | Close)
        | (Established, Hello)
        | (HelloSent | Closing | Closed, Hello | Data | Ping | Close)
        | (_, Accept | Reject | Pong) => None,
    }
}
