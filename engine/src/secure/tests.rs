#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod keys;
mod primitives;
mod stamps;
mod window;

/// The bytes that hexadecimal digits spell; white space is passed over.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap().try_into().unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn hex32(text: &str) -> [u8; 32] {
    hex(text).try_into().unwrap()
}
