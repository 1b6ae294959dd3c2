//! Walking over objects and arrays as their events come.

use super::super::{Event, JsonError, Text, Watch, Watched};

/// Calls `each` with every member's name and its value's first event; `each` reads the value to its end. The object is open.
pub(super) fn members<'a, W: Watch<'a>>(
    reader: &mut Watched<'a, '_, W>,
    mut each: impl FnMut(Text<'a>, &mut Watched<'a, '_, W>, Event<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    while let Event::Key(key) = reader.next_event()? {
        let value = reader.next_event()?;
        each(key, reader, value)?;
    }
    Ok(())
}

/// Calls `each` with every item's first event, if `value` begins an array; `each` reads the item to its end.
pub(super) fn items<'a, W: Watch<'a>>(
    reader: &mut Watched<'a, '_, W>,
    value: Event<'a>,
    mut each: impl FnMut(&mut Watched<'a, '_, W>, Event<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if value != Event::ArrayStart {
        return reader.skip(&value);
    }
    loop {
        match reader.next_event()? {
            Event::ArrayEnd => return Ok(()),
            item => each(reader, item)?,
        }
    }
}

pub(super) fn string<'a, W: Watch<'a>>(
    reader: &mut Watched<'a, '_, W>,
    value: Event<'a>,
) -> Result<Option<Text<'a>>, JsonError> {
    match value {
        Event::String(text) => Ok(Some(text)),
        other => reader.skip(&other).map(|()| None),
    }
}

/// A whole number that is not negative; one over `u32::MAX` counts as that, as the header's readers know no more.
pub(super) fn number<'a, W: Watch<'a>>(
    reader: &mut Watched<'a, '_, W>,
    value: Event<'a>,
) -> Result<Option<u32>, JsonError> {
    match value {
        Event::Number(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Some(digits.parse().unwrap_or(u32::MAX)))
        }
        other => reader.skip(&other).map(|()| None),
    }
}
