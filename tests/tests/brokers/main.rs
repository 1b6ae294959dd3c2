//! All tests that need brokers, in one program, so that each shared broker starts once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test says what it expects by failing"
)]

mod amqp_adapter;
mod conformance;
mod harness;
mod kafka_adapter;
mod nats_adapter;
mod relay;
mod session;
mod strict;
