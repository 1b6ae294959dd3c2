//! What all errors have in common: whether a second try can help.

/// Whether the same operation, tried again unchanged, can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transience {
    /// It can: a connection was lost, a queue was full, a broker was away.
    Transient,
    /// It cannot: the message, the permission or the configuration has to change first.
    Permanent,
}

/// Sorts an error by [`Transience`].
///
/// Implementations match every variant of their own by name, so that a new one must decide. Codes of a foreign
/// system that are not known count as transient; the caller bounds its retries.
pub trait Classify {
    /// Whether a retry can help.
    fn transience(&self) -> Transience;
}
