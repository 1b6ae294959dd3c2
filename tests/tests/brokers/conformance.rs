//! The conformance suite on every broker. What a fixture must do is written at `m2m_tests::conformance`.
//!
//! Each broker has one file here: its fixture, and the line `m2m_tests::conformance!(Fixture);` that makes the tests. NATS has two
//! links and two fixtures, each in a module of its own, so that their tests have names of their own.

mod amqp;
mod kafka;
mod memory;
mod nats;
