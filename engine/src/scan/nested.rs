//! JSON within strings, as tools return it: its escapes are undone once more, so that `\u0069gnore` is "ignore" there too.

use super::Finding;
use crate::json::Text;

/// Whether a text may be JSON itself with escapes in it, to be read once more.
pub(super) fn may_be_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
        && memchr::memchr(b'\\', text).is_some()
}

/// Turns ranges in what `text` says into ranges of what stands there.
pub(super) fn to_raw(text: &Text<'_>, findings: &mut [Finding]) {
    if !text.is_escaped() {
        return;
    }
    let ranges = findings.iter_mut().map(|finding| &mut finding.range);
    let mut offsets: Vec<_> = ranges.flat_map(|range| [&mut range.start, &mut range.end]).collect();
    offsets.sort_unstable();
    text.raw_offsets(offsets.into_iter());
}
