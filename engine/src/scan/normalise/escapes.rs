//! Escapes of URLs (`%69`), of HTML (`&#105;`, `&amp;`) and of programs (`\x69`, `\u0069`), resolved once.

use std::borrow::Cow;

use super::Origins;

/// The text with its escapes resolved; what is none stands for itself.
pub(super) fn resolve(text: &str) -> (Cow<'_, str>, Origins) {
    let mut origins = Origins::default();
    if memchr::memchr3(b'%', b'&', b'\\', text.as_bytes()).is_none() {
        return (Cow::Borrowed(text), origins);
    }
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut at) = (text, 0);
    while let Some(plain) = memchr::memchr3(b'%', b'&', b'\\', rest.as_bytes()) {
        origins.aligned(out.len(), at);
        out.push_str(rest.get(..plain).unwrap_or_default());
        rest = rest.get(plain..).unwrap_or_default();
        at += plain;
        let len = match escape(rest, &mut out) {
            Some((from, len)) => {
                origins.replaced(from, at);
                len
            }
            None => {
                origins.aligned(out.len(), at);
                out.push_str(rest.get(..1).unwrap_or_default());
                1
            }
        };
        rest = rest.get(len..).unwrap_or_default();
        at += len;
    }
    origins.aligned(out.len(), at);
    out.push_str(rest);
    origins.finish(text.len());
    (Cow::Owned(out), origins)
}

/// Adds what the escape at the beginning of `rest` stands for: where it was put, and how many bytes spell it.
fn escape(rest: &str, out: &mut String) -> Option<(usize, usize)> {
    let from = out.len();
    let (char, len) = match rest.as_bytes() {
        [b'%', ..] => {
            let (text, len) = percent(rest.as_bytes())?;
            out.push_str(&text);
            return Some((from, len));
        }
        [b'\\', b'x', ..] => (char::from_u32(hex(rest, 2..4)?)?, 4),
        [b'\\', b'u', ..] => (char::from_u32(hex(rest, 2..6)?)?, 6),
        _ => entity(rest)?,
    };
    out.push(char);
    Some((from, len))
}

/// One character of one to four `%XX` in UTF-8.
fn percent(rest: &[u8]) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    for triple in rest.as_chunks::<3>().0.iter().take(4) {
        let [b'%', high, low] = triple else { break };
        let (Some(high), Some(low)) =
            (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        else {
            break;
        };
        bytes.push(u8::try_from(high * 16 + low).ok()?);
        if let Ok(char) = std::str::from_utf8(&bytes) {
            return Some((char.to_owned(), bytes.len() * 3));
        }
    }
    None
}

/// Digits of the longest number of a character that is read.
const LONGEST_NUMBER: usize = 8;

fn entity(rest: &str) -> Option<(char, usize)> {
    let body = rest.strip_prefix('&')?;
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, before) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (number, 10, 2),
        };
        let count = digits
            .bytes()
            .take(LONGEST_NUMBER)
            .take_while(|byte| char::from(*byte).is_digit(radix))
            .count();
        let code = u32::from_str_radix(digits.get(..count)?, radix).ok()?;
        // Browsers do without the semicolon.
        let closed = usize::from(digits.as_bytes().get(count) == Some(&b';'));
        return Some((char::from_u32(code)?, before + count + closed));
    }
    let named = [
        ("amp;", '&'),
        ("lt;", '<'),
        ("gt;", '>'),
        ("quot;", '"'),
        ("apos;", '\''),
        ("nbsp;", ' '),
        ("colon;", ':'),
        ("comma;", ','),
        ("period;", '.'),
        ("excl;", '!'),
        ("lbrack;", '['),
        ("rbrack;", ']'),
        ("sol;", '/'),
        ("lowbar;", '_'),
        ("Tab;", '\t'),
        ("NewLine;", '\n'),
    ];
    named
        .iter()
        .find(|(name, _)| body.starts_with(name))
        .map(|(name, char)| (*char, 1 + name.len()))
}

fn hex(rest: &str, digits: std::ops::Range<usize>) -> Option<u32> {
    u32::from_str_radix(rest.get(digits)?, 16).ok()
}
