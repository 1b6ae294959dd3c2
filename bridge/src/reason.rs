//! Why a message was not delivered, as its dead letter says it.

use crate::names::NameError;

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Reason {
    /// No condition accepted it.
    #[error("no condition accepted the message")]
    Unmatched,
    /// A template could not be rendered with its facts.
    #[error("a destination's template could not be rendered")]
    Template,
    /// The name that a template gave is not one that messages may be sent to.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The same route of the same bridge met it before.
    #[error("the message came round: route {hop} has seen it before")]
    Loop {
        /// Bridge and route.
        hop: String,
    },
    /// Too many hops lie behind it.
    #[error("the message has {hops} hops behind it; the limit is {limit} (loop_limit)")]
    TooManyHops {
        /// How many.
        hops: usize,
        /// The limit.
        limit: usize,
    },
    /// The destination will never take it.
    #[error("the destination refused the message: {error}")]
    Refused {
        /// What the destination said.
        error: String,
    },
    /// The destination could not take it for too long.
    #[error("gave up after {attempts} attempts (retry.max_attempts): {error}")]
    GaveUp {
        /// How many.
        attempts: usize,
        /// What the destination said last.
        error: String,
    },
}
