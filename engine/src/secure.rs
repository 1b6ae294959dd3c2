//! Keys: what they are, how they derive from one another, how two organisations agree on one.

pub mod exchange;
pub mod hierarchy;
pub mod keys;

#[cfg(test)]
mod tests;

pub use exchange::{ExchangeError, PublicKey, SecretKey};
pub use hierarchy::{Hierarchy, IdError, Purpose};
pub use keys::{KeyError, KeyMaterial, NoRandomness};
