//! Subjects: tokens between dots. In a subscription `*` stands for one token and a last `>` for one or more.

use crate::error::SubjectError;

/// Checks the subject of a message.
pub(crate) fn check(subject: &str) -> Result<(), SubjectError> {
    check_characters(subject)?;
    if subject.split('.').any(is_wildcard) {
        return Err(SubjectError::Wildcard);
    }
    Ok(())
}

/// Checks what is subscribed to; true where it has wildcards.
pub(crate) fn check_pattern(pattern: &str) -> Result<bool, SubjectError> {
    check_characters(pattern)?;
    let mut tokens = pattern.split('.').peekable();
    let mut wild = false;
    while let Some(token) = tokens.next() {
        if token == ">" && tokens.peek().is_some() {
            return Err(SubjectError::WildcardNotLast);
        }
        wild |= is_wildcard(token);
    }
    Ok(wild)
}

/// Whether a subject is one that the pattern stands for.
pub(crate) fn matches(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (_, None) => return false,
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

fn is_wildcard(token: &str) -> bool {
    token == "*" || token == ">"
}

fn check_characters(name: &str) -> Result<(), SubjectError> {
    if name.split('.').any(str::is_empty) {
        return Err(SubjectError::EmptyToken);
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(SubjectError::Character);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_tokens() {
        for (pattern, subject, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.b.c", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.>", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a.b", true),
            ("größe.*", "größe.東京", true),
        ] {
            assert_eq!(matches(pattern, subject), expected, "{pattern} {subject}");
        }
    }

    #[test]
    fn names_are_checked() {
        assert_eq!(check("orders.new"), Ok(()));
        assert_eq!(check("größe.東京"), Ok(()));
        for (name, error) in [
            ("", SubjectError::EmptyToken),
            ("a..b", SubjectError::EmptyToken),
            (".a", SubjectError::EmptyToken),
            ("a.", SubjectError::EmptyToken),
            ("a b", SubjectError::Character),
            ("a\r\n", SubjectError::Character),
            ("a.*", SubjectError::Wildcard),
            (">", SubjectError::Wildcard),
        ] {
            assert_eq!(check(name), Err(error), "{name:?}");
        }
        assert_eq!(check_pattern("a.b"), Ok(false));
        assert_eq!(check_pattern("a.*.c.>"), Ok(true));
        assert_eq!(check_pattern("a.>.c"), Err(SubjectError::WildcardNotLast));
        assert_eq!(check_pattern("a..>"), Err(SubjectError::EmptyToken));
    }
}
