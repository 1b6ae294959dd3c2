//! A JSON string: its raw text, and what it says.

use std::borrow::Cow;

use wide::u8x16;

use crate::block;

/// A JSON string that has been checked, as it is written between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// A text that is not JSON, in which nothing is escaped.
    pub(crate) fn plain(text: &'a str) -> Self {
        Self { raw: text, escaped: false }
    }

    /// A text that may hold JSON strings: what is an escape counts as one, what is none stands for itself.
    pub(crate) fn lenient(text: &'a str) -> Self {
        Self { raw: text, escaped: true }
    }

    /// Whether what it says is not what stands there.
    pub(crate) fn is_escaped(&self) -> bool {
        self.escaped
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
        let bytes = self.raw.as_bytes();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..) {
            let plain = if let Some(block) = rest.first_chunk() {
                let slashes = u8x16::new(*block).simd_eq(u8x16::splat(b'\\')).to_bitmask();
                // A whole block is copied, which takes no call, and what is too much of it left behind.
                out.extend_from_slice(block);
                if slashes == 0 {
                    // Apart, so that the next block need not wait for where this one ends.
                    at += BLOCK;
                    continue;
                }
                let plain = first_bit(slashes);
                out.truncate(out.len() - BLOCK + plain);
                plain
            } else {
                let plain = rest.iter().take_while(|byte| **byte != b'\\').count();
                out.extend_from_slice(rest.get(..plain).unwrap_or_default());
                plain
            };
            let Some([_, escape @ ..]) = rest.get(plain..) else { return };
            let (char, len) = unescape(escape).unwrap_or(('\\', 0));
            match u8::try_from(char) {
                Ok(byte) if byte.is_ascii() => out.push(byte),
                _ => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            at += plain + 1 + len;
        }
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

enum Piece<'a> {
    Plain(&'a str),
    Char(char),
}

/// The string whose opening quote stands at `quote`.
///
/// # Errors
/// The offset at which it stops being one.
pub(super) fn read(text: &str, quote: usize) -> Result<Text<'_>, usize> {
    let from = quote + 1;
    let bytes = text.as_bytes();
    let mut at = from;
    let mut escaped = false;
    loop {
        at += plain_len(bytes.get(at..).unwrap_or_default());
        match bytes.get(at) {
            Some(b'"') => {
                let raw = text.get(from..at).ok_or(at)?;
                return Ok(Text { raw, escaped });
            }
            Some(b'\\') => {
                escaped = true;
                let escape = bytes.get(at + 1..).unwrap_or_default();
                at += 1 + unescape(escape).ok_or(at)?.1;
            }
            // A control character, or the end of the text.
            _ => return Err(at),
        }
    }
}

/// How many bytes stand before the next quote, backslash or control character.
fn plain_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    while let Some(block) = bytes.get(len..).and_then(|rest| rest.first_chunk()) {
        match first_bit(specials(u8x16::new(*block))) {
            BLOCK => len += BLOCK,
            at => return len + at,
        }
    }
    len + first_bit(specials(block::sixteen(bytes, len))).min(bytes.len() - len)
}

/// Bytes looked at together.
const BLOCK: usize = 16;

/// Which bytes are quotes, backslashes or control characters: a bit for each, the first in the lowest.
fn specials(bytes: u8x16) -> u32 {
    let control = bytes.simd_eq(bytes.min(u8x16::splat(0x1f)));
    let special = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control;
    special.to_bitmask()
}

/// The place of the first of a block's bytes that has a bit; [`BLOCK`] if none has.
fn first_bit(bits: u32) -> usize {
    usize::try_from(bits.trailing_zeros()).map_or(BLOCK, |at| at.min(BLOCK))
}

/// Reads what follows a backslash: the character, and how many bytes spell it. `None` when it is no escape, or half a surrogate pair.
fn unescape(bytes: &[u8]) -> Option<(char, usize)> {
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
