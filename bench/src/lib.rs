//! Measured against what users would pick instead: each row of each table is a ratio taken in one process.
//!
//! `make bench` runs all parts; the README beside this crate says what the tables say. To add a part: a file here with a
//! `run(&Setup) -> anyhow::Result<Report>`, and a line in `main.rs`.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark may panic, and its figures are rounded"
)]

pub mod adapters;
pub mod baseline;
pub mod brokers;
pub mod callgrind;
#[cfg(feature = "reference")]
pub mod codec;
pub mod data;
pub mod hot;
#[cfg(feature = "reference")]
pub mod reference;
pub mod relay;
pub mod report;
#[cfg(feature = "reference")]
pub mod scan;
pub mod secure;
pub mod setup;
pub mod storage;
#[cfg(feature = "reference")]
pub mod threats;
pub mod timing;
pub mod traffic;
