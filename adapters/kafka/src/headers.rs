//! Kafka's headers: read without trusting their names, marked for a framed payload, unmarked for an opened one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use m2m_engine::bus::headers::{CONTENT_ENCODING, encoding_marked, encoding_unmarked, is_engines};
use rdkafka::message::{BorrowedHeaders, Header, Headers, OwnedHeaders};

/// All headers in order, without those that rdkafka cannot read.
pub(crate) fn all(headers: &BorrowedHeaders) -> impl Iterator<Item = Header<'_, &[u8]>> {
    // rdkafka panics on a name that is not UTF-8, and any producer can write one; this must not take the consumer down.
    (0..headers.count()).filter_map(|index| {
        catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).unwrap_or_else(|_| {
            tracing::warn!(index, "a Kafka header is left out: its name is not UTF-8");
            None
        })
    })
}

/// The headers that the engine reads; nothing is allocated where there are none.
pub(crate) fn engines(headers: Option<&BorrowedHeaders>) -> Vec<(&str, &str)> {
    let engines = headers.into_iter().flat_map(all).filter(|header| is_engines(header.key));
    engines
        .filter_map(|header| Some((header.key, std::str::from_utf8(header.value?).ok()?)))
        .collect()
}

/// Whether an application sends along what is the engine's to say.
pub(crate) fn has_engines(headers: &OwnedHeaders) -> bool {
    all(headers.as_borrowed()).any(|header| is_engines(header.key))
}

/// The headers of a record that goes out wrapped: the content encoding marked when it is `framed`, and what the engine adds in the place
/// of what stood under its names.
pub(crate) fn marked(
    existing: Option<&OwnedHeaders>,
    framed: bool,
    added: &[(&'static str, String)],
) -> OwnedHeaders {
    let existing = existing.into_iter().flat_map(|headers| all(headers.as_borrowed()));
    let existing: Vec<_> = existing.filter(|header| !is_engines(header.key)).collect();
    let mark = framed.then(|| match last_encoding(&existing) {
        Some((at, encoding)) => (at, encoding_marked(Some(encoding))),
        None => (existing.len(), encoding_marked(None)),
    });
    let mut headers = OwnedHeaders::new_with_capacity(existing.len() + added.len() + 1);
    for (index, header) in existing.iter().enumerate() {
        headers = match &mark {
            Some((at, encoding)) if *at == index => insert(headers, header.key, encoding),
            _ => headers.insert(header.clone()),
        };
    }
    if let Some((at, encoding)) = &mark
        && *at == existing.len()
    {
        headers = insert(headers, CONTENT_ENCODING, encoding);
    }
    added.iter().fold(headers, |headers, (name, value)| insert(headers, name, value))
}

/// The headers of a framed message as they were before [`marked`]; `None` when they bear no mark.
fn unmarked(existing: &BorrowedHeaders) -> Option<OwnedHeaders> {
    let existing: Vec<_> = all(existing).collect();
    let (marked, encoding) = last_encoding(&existing)?;
    let rest = encoding_unmarked(encoding);
    if rest.as_deref() == Some(encoding) {
        return None;
    }
    let headers = OwnedHeaders::new_with_capacity(existing.len());
    Some(existing.iter().enumerate().fold(headers, |headers, (index, header)| match &rest {
        Some(rest) if index == marked => insert(headers, header.key, rest),
        None if index == marked => headers,
        _ => headers.insert(header.clone()),
    }))
}

/// The headers of an opened message, as the application is to see them: without the mark of a `framed` one, and with our own verdict,
/// `flag`, in the place of its sender's; `None` when they are the message's own.
pub(crate) fn opened(
    existing: Option<&BorrowedHeaders>,
    framed: bool,
    flag: Option<(&'static str, String)>,
) -> Option<OwnedHeaders> {
    let unmarked = existing.filter(|_| framed).and_then(unmarked);
    let Some((name, value)) = flag else { return unmarked };
    let existing = unmarked.as_ref().map(OwnedHeaders::as_borrowed).or(existing);
    let kept = existing.into_iter().flat_map(all);
    let kept = kept.filter(|header| !header.key.eq_ignore_ascii_case(name));
    let headers = kept.fold(OwnedHeaders::new(), OwnedHeaders::insert);
    Some(insert(headers, name, &value))
}

/// The last content encoding, if it says anything: where Kafka's headers repeat, the last one counts.
fn last_encoding<'a>(headers: &[Header<'a, &'a [u8]>]) -> Option<(usize, &'a str)> {
    let (index, header) = headers
        .iter()
        .enumerate()
        .rfind(|(_, header)| header.key.eq_ignore_ascii_case(CONTENT_ENCODING))?;
    let encoding = std::str::from_utf8(header.value?).ok()?;
    (!encoding.trim().is_empty()).then_some((index, encoding))
}

fn insert(headers: OwnedHeaders, key: &str, value: &str) -> OwnedHeaders {
    headers.insert(Header { key, value: Some(value) })
}

#[cfg(test)]
mod tests;
