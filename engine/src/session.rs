//! Sessions: two agents shake hands, agree on how they put payloads and on a key, and talk until one of them closes.
//!
//! ```text
//! initiator                                        responder
//!     │ HELLO   what I can do, my public key, proof ──► │   Initial ─► HelloSent
//!     │ ◄── ACCEPT   the session's id, yours, proof     │   or REJECT, with a code
//!     │ ═══ DATA, each sealed with a key of its own ═══ │   Established
//!     │ ─── PING ──►   ◄── PONG ───                     │
//!     │ ─── CLOSE ──►  ◄── CLOSE ──                     │   Closing ─► Closed
//! ```
//!
//! The messages are JSON, as the reference implementation (m2m-protocol 0.4.0) writes them, so that it and we read each other
//! ([`message`]). The key exchange and the proofs stand in members that it passes over.
//!
//! Three layers, each of use by itself:
//! - [`Machine`] is one session: messages and moments in, messages out. It does no I/O and has no clock.
//! - [`Driver`] is all sessions of an agent: it tells them apart, keeps their timers and bounds their number.
//! - [`endpoint()`] moves messages between a driver and a bus, by way of the bus's [`Source`](crate::bus::Source) and
//!   [`Sink`](crate::bus::Sink). The adapters have a function `session::open` each, which makes one.
//!
//! # The table
//!
//! What receiving a message leads to; where nothing stands, the message is refused and changes nothing
//! ([`after_receiving`]). [`after_sending`] has the other direction.
//!
//! | | Initial | HelloSent | Established | Closing | Closed |
//! | --- | --- | --- | --- | --- | --- |
//! | HELLO | Established (answer ACCEPT), Closed (answer REJECT) | | Established, if it is the one that was answered (the same ACCEPT again) | | |
//! | ACCEPT | | Established, Closed where its terms cannot be taken | | | |
//! | REJECT | | Closed | | | |
//! | DATA | | | Established, Closed at too many a second | Closing | |
//! | PING | | | Established (answer PONG), Closed at too many a second | Closing | |
//! | PONG | | | Established, Closed at too many a second | Closing | |
//! | CLOSE | | | Closed (answer CLOSE) | Closed | |
//! | `connect` | HelloSent | | | | |
//! | `send`, `ping` | | | Established | | |
//! | `close` | | | Closing | | |
//! | time | | HELLO again every 5 s, Closed after 30 s | PING after 1 min of silence, Closed after 3 without PONG, or 5 min without any message | Closed after 5 s | |
//!
//! A responder in a session with keys does not know yet whether the initiator holds the key to its HELLO, which may be a captured one. The
//! initiator shows it by a PING at once; the responder asks by PING every 5 s, is closed after 30 s otherwise, and the application does
//! not hear of it before.
//!
//! # The handshake, exactly
//!
//! - `m2m-key` in the `extensions` of HELLO and ACCEPT: an X25519 public key for this session alone, base64. Low-order keys are rejected.
//! - `m2m-proof` there, and `proof` in REJECT, with [`Protection::Authenticated`] only: HMAC-SHA256 with the key
//!   HKDF(organisation's key, `m2m-bus/v1/session/proof`) over the kind of message, for answers the SHA-256 of HELLO, and the
//!   message's own bytes with 32 zero bytes in the place of the proof. What is not proven is refused and changes nothing.
//! - The session's secret: HKDF-SHA256 with the SHA-256 of both messages as salt, over the exchange's key (info `m2m-session-v1`), then
//!   the organisation's key where there is one. From it, one key for each message, by purpose (`data`, `mark`), sender and number.
//! - DATA: an M2M v1 AEAD frame under its message's key, its number in `counter`. PING, PONG, CLOSE: `counter`, and in `proof` an HMAC-SHA256 of
//!   the kind. A number that came before, or is more than 63 behind the highest, is refused.
//!
//! docs/security.md says what that guarantees, and what not.

mod capabilities;
mod driver;
mod endpoint;
mod error;
mod handshake;
mod keys;
mod machine;
pub mod message;
mod rate;
mod seal;
mod seed;
mod settings;
mod state;
mod window;

pub use capabilities::{
    Agreed, Algorithm, Capabilities, Compression, Encoding, Screening, VERSION,
};
pub use driver::{Action, Driver, Handle, Incoming, Outgoing};
pub use endpoint::{
    BusError, ConnectError, Endpoint, Listener, Place, Runtime, SendError, Session, endpoint,
};
pub use error::{End, SessionError};
pub use keys::Role;
pub use machine::{Due, Machine, Moment, Received};
pub use message::{Message, MessageError, RejectionCode};
pub use seed::Seed;
pub use settings::{Limits, Protection, Settings, Timeouts};
pub use state::{Kind, State, after_receiving, after_sending};
