//! What a destination may be called on each broker. A name that a message's facts went into is input from outside.

use crate::config::BusKind;

/// Why a name is refused. The name itself stays out: it was made from a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NameError {
    /// Nothing is left of it.
    #[error("the destination's name is empty")]
    Empty,
    /// It begins or ends with a dot, or has two in a row: a fact was absent.
    #[error("the destination's name has an empty token")]
    EmptyToken,
    /// `*`, `>` or `#`.
    #[error("the destination's name has a wildcard")]
    Wildcard,
    /// NATS reserves names with it.
    #[error("the destination's name has a `$`")]
    Dollar,
    /// White space or a control character.
    #[error("the destination's name has white space or a control character")]
    Space,
    /// The broker's alphabet is smaller.
    #[error(
        "the destination's name has a character other than ASCII letters, digits, `.`, `_` and `-`"
    )]
    Alphabet,
    /// Longer than the broker takes.
    #[error("the destination's name has {len} bytes; the limit is {limit}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
}

/// Whether messages may be sent to `name`: subject, topic, exchange or routing key.
///
/// # Errors
/// When they may not.
pub(crate) fn check(kind: BusKind, name: &str) -> Result<(), NameError> {
    let limit = match kind {
        // Not NATS's own limit (its control line has 4,096 bytes, with more on it than the subject), but far beyond use.
        BusKind::Nats | BusKind::Memory => 1024,
        // The longest file name less the partition's number.
        BusKind::Kafka => 249,
        // AMQP 0-9-1, short string.
        BusKind::Amqp => 255,
    };
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > limit {
        return Err(NameError::TooLong { len: name.len(), limit });
    }
    if name.contains('$') {
        return Err(NameError::Dollar);
    }
    if name.contains(['*', '>', '#']) {
        return Err(NameError::Wildcard);
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(NameError::Space);
    }
    if name.split('.').any(str::is_empty) {
        return Err(NameError::EmptyToken);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if kind == BusKind::Kafka && !name.chars().all(plain) {
        return Err(NameError::Alphabet);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        use BusKind::{Amqp, Kafka, Memory, Nats};
        for kind in [Amqp, Kafka, Memory, Nats] {
            for (name, expected) in [
                ("", NameError::Empty),
                ("agents.", NameError::EmptyToken),
                (".agents", NameError::EmptyToken),
                ("a..b", NameError::EmptyToken),
                ("agents.*", NameError::Wildcard),
                ("agents.>", NameError::Wildcard),
                ("$JS.API", NameError::Dollar),
                ("a b", NameError::Space),
                ("a\r\nb", NameError::Space),
                ("a\0", NameError::Space),
            ] {
                assert_eq!(check(kind, name), Err(expected), "{kind} {name:?}");
            }
            assert_eq!(check(kind, "agents.openai.gpt-4o"), Ok(()));
        }
        assert_eq!(check(Nats, "agenten.übersetzer"), Ok(()));
        assert_eq!(check(Amqp, "key/with:anything"), Ok(()));
        assert_eq!(check(Kafka, "übersetzer"), Err(NameError::Alphabet));
        assert_eq!(
            check(Kafka, &"x".repeat(250)),
            Err(NameError::TooLong { len: 250, limit: 249 })
        );
        assert_eq!(check(Amqp, &"x".repeat(256)), Err(NameError::TooLong { len: 256, limit: 255 }));
    }
}
