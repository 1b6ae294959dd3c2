//! Runs of base64 and hexadecimal that hold text.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::suspect::{SHORTEST_RUN, is_run};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// Bytes of a run that are decoded to see whether it holds text.
const SAMPLE: usize = 64;

/// Of these, those that are decoded first; a run has as many behind what may come before it.
const FIRST: usize = 16;

/// Bytes before a run that may look like a part of it, at most: more would be whole groups of four.
const SKIPPED: usize = 3;

/// Bytes of the shortest line of a run that is broken into lines.
const SHORTEST_LINE: usize = 32;

/// The whole run of which `at` is a part, with the lines that it goes on in.
pub(in crate::scan) fn whole(text: &str, at: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let before = bytes.get(..at.start).unwrap_or_default();
    let start = at.start - before.iter().rev().take_while(|byte| is_run(**byte)).count();
    let mut end = at.end;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        end += rest.iter().take_while(|byte| is_run(**byte)).count();
        let rest = bytes.get(end..).unwrap_or_default();
        let gap = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => return start..end,
        };
        let line = rest.iter().skip(gap).take_while(|byte| is_run(**byte)).count();
        let last = bytes.get(start..end).unwrap_or_default();
        let last = last.iter().rev().take_while(|byte| is_run(**byte)).count();
        if last < SHORTEST_LINE || line == 0 {
            return start..end;
        }
        end += gap + line;
    }
}

/// The text that a run holds, if it holds one.
pub(in crate::scan) fn decode(run: &str) -> Option<String> {
    let run = || run.bytes().filter(|byte| is_run(*byte)).map(standard);
    // Most runs are none, which their beginning tells.
    let mut start = [0; FIRST + SKIPPED];
    start.iter_mut().zip(run()).for_each(|(to, byte)| *to = byte);
    let is_hex = run().all(|byte| byte.is_ascii_hexdigit());
    // Three letters of a text give four of which hardly ever all are lower-case: a name in a program is none.
    let is_name = || run().all(|byte| matches!(byte, b'a'..=b'z' | b'+' | b'/'));
    let is_base64 = || !is_name() && start.windows(FIRST).any(is_readable_base64);
    if !is_hex && !is_base64() {
        return None;
    }
    let run: Vec<u8> = run().collect();
    if run.len() < SHORTEST_RUN {
        return None;
    }
    if is_hex && let Some(text) = hexadecimal(&run) {
        return Some(text);
    }
    (0..=SKIPPED).find_map(|skipped| base64(run.get(skipped..)?))
}

/// A byte of base64 for URLs in the standard alphabet.
fn standard(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte,
    }
}

/// Whether the beginning of base64 holds text; a character may be cut off at its end.
fn is_readable_base64(first: &[u8]) -> bool {
    // Most names are told apart by their first letter.
    if first.first().is_some_and(|byte| begins_nothing(*byte)) {
        return false;
    }
    let mut decoded = [0; FIRST / 4 * 3];
    BASE64.decode_slice(first, &mut decoded).is_ok() && readable(&decoded).is_some()
}

/// Whether this byte of base64, the first of its group, gives one with which no character begins.
fn begins_nothing(byte: u8) -> bool {
    matches!(byte, b'g'..=b'v')
}

fn base64(run: &[u8]) -> Option<String> {
    let whole = run.get(..run.len() - usize::from(run.len() % 4 == 1))?;
    let sample = BASE64.decode(whole.get(..whole.len().min(SAMPLE))?).ok()?;
    readable(&sample)?;
    text(BASE64.decode(whole).ok()?)
}

fn hexadecimal(run: &[u8]) -> Option<String> {
    let decode = |run: &[u8]| -> Vec<u8> {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
        let pairs = run.as_chunks::<2>().0.iter();
        pairs.filter_map(|[high, low]| u8::try_from(digit(*high) * 16 + digit(*low)).ok()).collect()
    };
    readable(&decode(run.get(..run.len().min(SAMPLE))?))?;
    text(decode(run))
}

/// All of `bytes` that is UTF-8.
fn text(bytes: Vec<u8>) -> Option<String> {
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether the beginning of something is text: UTF-8 without controls, which random bytes hardly ever are.
fn readable(bytes: &[u8]) -> Option<()> {
    let valid = match str::from_utf8(bytes) {
        Ok(all) => all,
        Err(error) => str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?,
    };
    // A character may be cut off at the end.
    let is_whole = valid.len() + 3 >= bytes.len();
    let is_control = |char: char| char.is_control() && !char.is_whitespace();
    (is_whole && !valid.is_empty() && !valid.contains(is_control)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_nothing_goes_on_a_character() {
        for byte in 0..=u8::MAX {
            let goes_on = |second: u8| {
                let decoded = BASE64.decode([byte, second, b'A', b'A']);
                decoded
                    .is_ok_and(|decoded| decoded.first().is_some_and(|first| first & 0xc0 == 0x80))
            };
            assert_eq!(begins_nothing(byte), goes_on(b'A') && goes_on(b'/'), "{byte}");
        }
    }
}
