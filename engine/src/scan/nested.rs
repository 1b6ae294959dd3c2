//! JSON within strings, as tools return it: its escapes are undone once more, so that `\u0069gnore` is "ignore" there too.

use super::{Finding, Passage, Scan};
use crate::json::Text;

/// Scans a passage as it is, and where it may be JSON itself, with its escapes undone as well.
pub(super) fn scan(scanner: &dyn Scan, passage: &Passage<'_>, findings: &mut Vec<Finding>) {
    scanner.scan(passage, findings);
    let text = passage.text;
    if !text.trim_ascii_start().starts_with(['{', '[', '"']) || !text.contains('\\') {
        return;
    }
    let (text, known) = (Text::lenient(text), findings.len());
    scanner.scan(&Passage { text: &text.unescaped(), ..*passage }, findings);
    let mut again = findings.split_off(known);
    to_raw(&text, &mut again);
    again.retain(|finding| findings.iter().all(|known| known.rule != finding.rule));
    findings.append(&mut again);
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
