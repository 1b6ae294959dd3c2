//! async-nats, with payloads framed and opened.
//!
//! ```text
//! application ─ publish ─► outbound: frame, mark ─► async_nats ─► NATS
//! application ◄─ message ─ inbound: open, unmark ◄─ async_nats ◄─ NATS
//!       relay ◄──────────── link: raw frames ◄────► async_nats ◄─► NATS
//! ```

mod client;
pub mod error;
mod headers;
mod identity;
mod inbound;
pub mod jetstream;
pub mod link;
mod outbound;

pub use client::{Client, connect, connect_with_options};
pub use error::{OpenFailure, PublishError, RequestError};
pub use inbound::Subscriber;
