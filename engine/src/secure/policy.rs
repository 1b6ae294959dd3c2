//! What a message lacks for an engine that requires security.

use super::Mode;

/// Why a message is refused that may be in good order: under [`super::Policy::Require`] it is weaker than it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A plain payload.
    #[error("a plain payload")]
    Plain,
    /// An M2M v1 frame that is neither signed nor encrypted.
    #[error("a frame that is neither signed nor encrypted")]
    Unsigned,
    /// The token-native form, which cannot be signed.
    #[error("the token-native form, which cannot be signed")]
    TokenNative,
    /// The Brotli text form, which cannot be signed.
    #[error("the Brotli text form, which cannot be signed")]
    BrotliText,
    /// Signed, and it has to be encrypted.
    #[error("a frame secured with {found} where the minimum is {minimum} (security.minimum)")]
    TooWeak {
        /// What it is secured with.
        found: Mode,
        /// What it has to be secured with.
        minimum: Mode,
    },
    /// No stamp, and replay protection or binding to a destination is on.
    #[error(
        "a message without m2m-stamp, which security.replay and security.bind_destination need"
    )]
    NoStamp,
    /// A stamp that is not bound to a destination, and it has to be.
    #[error("an m2m-stamp that is bound to no destination (security.bind_destination)")]
    Unbound,
    /// A null payload without a stamp.
    #[error("a null payload without m2m-stamp (security.danger.allow_tombstones takes it)")]
    Tombstone,
}
