//! Broker harness, conformance suite and relay tests.

pub mod conformance;
pub mod harness;
