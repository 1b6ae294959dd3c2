//! Text hidden in tag characters (U+E0020 to U+E007E): a model reads it, people do not see it.

use std::ops::Range;

/// Letters of the shortest hidden text.
const SHORTEST: usize = 6;

/// What the tag characters of a text spell, and the range from the first to the last.
pub(in crate::scan) fn hidden(text: &str) -> Option<(String, Range<usize>)> {
    // They all begin with these bytes.
    memchr::memmem::find(text.as_bytes(), &[0xf3, 0xa0])?;
    let (mut spelled, mut range) = (String::new(), None::<Range<usize>>);
    for (at, char) in text.char_indices() {
        let code = u32::from(char);
        if (0xe0020..0xe007f).contains(&code) {
            spelled.extend(char::from_u32(code - 0xe0000));
            let end = at + char.len_utf8();
            range = Some(range.map_or(at..end, |range| range.start..end));
        }
    }
    range.filter(|_| spelled.len() >= SHORTEST).map(|range| (spelled, range))
}
