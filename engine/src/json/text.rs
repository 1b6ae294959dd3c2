//! A JSON string: its raw text, and what it says.

use std::borrow::Cow;

use fearless_simd::{Simd, dispatch, mask8x64, prelude::*, u8x64};

use crate::block::{BLOCK, block, first, level};

/// A JSON string that has been checked, as it is written between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
    /// Whether a NUL is among its escapes; it cannot stand there itself.
    nul: bool,
}

impl<'a> Text<'a> {
    /// As it was read: what stands there, whether any of it is escaped, and whether a NUL is.
    pub(super) fn read(raw: &'a str, escaped: bool, nul: bool) -> Self {
        Self { raw, escaped, nul }
    }

    /// A text that is not JSON, in which nothing is escaped.
    pub(crate) fn plain(text: &'a str) -> Self {
        Self { raw: text, escaped: false, nul: false }
    }

    /// A text that may hold JSON strings: what is an escape counts as one, what is none stands for itself.
    pub(crate) fn lenient(text: &'a str) -> Self {
        Self { raw: text, escaped: true, nul: false }
    }

    /// Whether what it says is not what stands there.
    pub(crate) fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// Whether a NUL is in what it says, if it was read from JSON.
    pub(crate) fn has_nul(&self) -> bool {
        self.nul
    }

    /// Its beginning, `len` bytes of it or somewhat fewer.
    pub(crate) fn start(&self, len: usize) -> Self {
        let raw = self.raw.get(..self.raw.floor_char_boundary(len)).unwrap_or_default();
        Self { raw, ..*self }
    }

    /// Turns offsets into what the string says, ascending, into offsets into [`Text::raw`]; one within an escape becomes where that begins.
    pub(crate) fn raw_offsets<'o>(&self, offsets: impl Iterator<Item = &'o mut usize>) {
        let mut offsets = offsets.peekable();
        // How much has been said, and how much was read for it.
        let (mut said, mut read) = (0, 0);
        self.pieces(|piece, reads| {
            let says = match piece {
                Piece::Plain(text) => text.len(),
                Piece::Char(char) => char.len_utf8(),
            };
            while let Some(offset) = offsets.next_if(|offset| **offset < said + says) {
                *offset = if says == reads { read + *offset - said } else { read };
            }
            said += says;
            read += reads;
        });
        offsets.for_each(|offset| *offset = read);
    }

    /// What stands between the quotes.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// What the string says: borrowed when nothing is escaped.
    #[must_use]
    pub fn unescaped(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut out = String::with_capacity(self.raw.len());
        self.pieces(|piece, _| match piece {
            Piece::Plain(text) => out.push_str(text),
            Piece::Char(char) => out.push(char),
        });
        Cow::Owned(out)
    }

    /// Adds what the string says to `out`, in UTF-8: [`Text::unescaped`] for texts that are long and full of escapes.
    pub(crate) fn unescape_onto(&self, out: &mut Vec<u8>) {
        if !self.escaped {
            return out.extend_from_slice(self.raw.as_bytes());
        }
        out.reserve(self.raw.len() + BLOCK);
        dispatch!(level(), simd => unescape_onto(simd, self.raw.as_bytes(), out));
    }

    /// The length in bytes (UTF-8) of what the string says.
    #[must_use]
    pub fn unescaped_len(&self) -> usize {
        if !self.escaped {
            return self.raw.len();
        }
        let mut len = 0;
        self.pieces(|piece, _| {
            len += match piece {
                Piece::Plain(text) => text.len(),
                Piece::Char(char) => char.len_utf8(),
            }
        });
        len
    }

    /// Calls `each` with every piece, and with the bytes that spell it.
    fn pieces(&self, mut each: impl FnMut(Piece<'a>, usize)) {
        let mut rest = self.raw;
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            let (plain, escape) = rest.split_at_checked(at).unwrap_or_default();
            let escape = escape.get(1..).unwrap_or_default();
            if !plain.is_empty() {
                each(Piece::Plain(plain), plain.len());
            }
            // In a text that was checked when it was read every escape is whole.
            let (char, len) = unescape(escape.as_bytes()).unwrap_or(('\\', 0));
            each(Piece::Char(char), 1 + len);
            rest = escape.get(len..).unwrap_or_default();
        }
        if !rest.is_empty() {
            each(Piece::Plain(rest), rest.len());
        }
    }
}

/// Adds what a string says to `out`, a block at a time.
#[inline(always)]
fn unescape_onto<S: Simd>(simd: S, text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < text.len() {
        let left = text.len() - at;
        let bytes = block(simd, text, at);
        let is = |byte: u8| bytes.simd_eq(byte).to_bitmask();
        let slashes = is(b'\\');
        if slashes == 0 {
            // A whole block is copied, which takes no call, and what is too much of it left behind.
            out.extend_from_slice(bytes.as_slice());
            out.truncate(out.len() - BLOCK + left.min(BLOCK));
            at += BLOCK;
            continue;
        }
        let begins = escapes(slashes);
        let escaped = begins << 1;
        let spelled = [(b'n', b'\n'), (b'r', b'\r'), (b't', b'\t')];
        let spelled = spelled.map(|(by, char)| (is(by) & escaped, char));
        let literal = escaped & (slashes | is(b'"') | is(b'/'));
        let known = spelled.iter().fold(literal, |known, (is, _)| known | is);
        // Up to the first that takes a closer look, or goes on in the next block.
        let closer = escaped & !known;
        let end = match (closer, begins >> (BLOCK - 1)) {
            (0, 0) => BLOCK.min(left),
            (0, _) => BLOCK - 1,
            _ => first(closer) - 1,
        };
        let kept = !begins & low(end);
        let said = spelled.into_iter().fold(bytes, |bytes, (is, char)| {
            mask8x64::from_bitmask(simd, is).select(u8x64::splat(simd, char), bytes)
        });
        out.extend_from_slice(said.compress(mask8x64::from_bitmask(simd, kept)).as_slice());
        out.truncate(out.len() - BLOCK + usize::try_from(kept.count_ones()).unwrap_or_default());
        at += end;
        if closer != 0 {
            // These often come in rows: whole texts may be written so.
            while let Some([b'\\', escape @ ..]) = text.get(at..) {
                let (char, len) = unescape(escape).unwrap_or(('\\', 0));
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                at += 1 + len;
            }
        }
    }
}

/// Which backslashes begin an escape, of those in a block that begins outside of one.
pub(super) fn escapes(slashes: u64) -> u64 {
    const ODD: u64 = (u64::MAX / 3) << 1;
    // Subtracting carries through rows of backslashes, of which every other one begins an escape (simdjson's `json_escape_scanner`).
    ((slashes << 1 | ODD).wrapping_sub(slashes) ^ ODD) & slashes
}

/// The lowest `count` bits.
fn low(count: usize) -> u64 {
    !u64::MAX.unbounded_shl(u32::try_from(count).unwrap_or(u64::BITS))
}

enum Piece<'a> {
    Plain(&'a str),
    Char(char),
}

/// Reads what follows a backslash: the character, and how many bytes spell it. `None` when it is no escape, or half a surrogate pair.
#[inline]
pub(super) fn unescape(bytes: &[u8]) -> Option<(char, usize)> {
    let simple = match bytes.first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(bytes),
        _ => return None,
    };
    Some((simple, 1))
}

fn unicode(bytes: &[u8]) -> Option<(char, usize)> {
    let high = hex4(bytes.get(1..5)?)?;
    if !(0xd800..0xdc00).contains(&high) {
        // A lone low surrogate is no character.
        return Some((char::from_u32(high)?, 5));
    }
    let low = match bytes.get(5..7)? {
        b"\\u" => hex4(bytes.get(7..11)?)?,
        _ => return None,
    };
    if !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    Some((char::from_u32(code)?, 11))
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| Some(value * 16 + char::from(*byte).to_digit(16)?))
}
