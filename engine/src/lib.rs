//! Every byte of the M2M wire format; no I/O, no async runtime, no clock of its own.
//!
//! ```text
//! payload ─► scan ─► choose ─► encode ─► (secure) ─► frame ─► bytes      Engine::wrap
//! payload ◄──────────────────── decode ◄─ (secure) ◄─ frame ◄─ bytes      Engine::open
//! ```
//!
//! Read [`flow`] first. [`frame::peek`] reads a frame's header without opening it, [`bus`] is the seam to the brokers.

pub mod flow;

pub mod config;
pub mod json;

pub mod scan;

pub mod choose;

pub mod encode;

pub mod secure;

pub mod frame;

pub mod facts;

pub mod session;

mod block;
pub mod bus;
pub mod error;

#[doc(hidden)]
pub mod fuzz;

pub use config::{Config, Framing, Level, Limits, Tokenizer};
pub use encode::Algorithm;
pub use flow::{Engine, Inbound, OpenError, Opened, Outbound, WrapError, Wrapped};
