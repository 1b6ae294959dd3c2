//! Unsigned LEB128, of at most 32 bits: all that the format's fields and token ids need.

/// Appends `value`.
pub(crate) fn write(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        let [low, ..] = value.to_le_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    out.push(low);
}

/// How many bytes [`write`] appends.
pub(crate) fn len(value: u32) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0x0fff_ffff => 4,
        0x1000_0000.. => 5,
    }
}

/// The value at the front and what follows it; `None` when it is cut short or over 32 bits.
pub(crate) fn read(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value: u64 = 0;
    // The reference pads nothing, but a longer spelling of a small number is no error there either: up to ten bytes.
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits.checked_shl(u32::try_from(index).ok()? * 7)?;
        if bits != 0 && shifted >> (index * 7) != bits {
            return None;
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    #[test]
    fn what_is_written_is_read() {
        for value in [
            0,
            1,
            127,
            128,
            300,
            16383,
            16384,
            2_097_151,
            2_097_152,
            0x0fff_ffff,
            0x1000_0000,
            u32::MAX,
        ] {
            let mut bytes = Vec::new();
            super::write(&mut bytes, value);
            assert_eq!(bytes.len(), super::len(value));
            bytes.push(7);
            assert_eq!(super::read(&bytes), Some((value, &[7][..])));
            assert_eq!(super::read(bytes.get(..bytes.len() - 2).unwrap()), None, "{value}");
        }
    }

    #[test]
    fn over_32_bits_or_without_an_end_is_refused() {
        assert_eq!(super::read(&[0xff, 0xff, 0xff, 0xff, 0x1f]), None);
        assert_eq!(super::read(&[0x80; 64]), None);
        assert_eq!(super::read(&[]), None);
        assert_eq!(super::read(&[0x81, 0x80, 0x00]), Some((1, &[][..])));
    }
}
