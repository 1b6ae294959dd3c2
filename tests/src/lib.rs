//! Broker harness, conformance suite and relay tests.

pub mod conformance;
pub mod harness;

/// The README's Rust examples compile here: this crate knows all others.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
