//! The mark of a framed payload in its content encoding: the property, or the header where a message came with that.

use bytes::Bytes;
use m2m_engine::bus::Envelope;
use m2m_engine::bus::headers::{self, Header};

pub(crate) fn mark(envelope: &mut Envelope) {
    let marked = headers::encoding_marked(envelope.content_encoding().as_deref());
    set(envelope, Some(marked));
}

pub(crate) fn unmark(envelope: &mut Envelope) {
    if let Some(encoding) = envelope.content_encoding() {
        let unmarked = headers::encoding_unmarked(&encoding);
        set(envelope, unmarked);
    }
}

fn set(envelope: &mut Envelope, encoding: Option<String>) {
    let property = &mut envelope.properties.content_encoding;
    let header = envelope
        .headers
        .iter()
        .position(|header| header.name.eq_ignore_ascii_case(headers::CONTENT_ENCODING));
    match (header.filter(|_| property.is_none()), encoding) {
        (None, encoding) => *property = encoding,
        (Some(at), None) => drop(envelope.headers.remove(at)),
        (Some(at), Some(encoding)) => {
            if let Some(header) = envelope.headers.get_mut(at) {
                *header = Header { value: Some(Bytes::from(encoding)), ..header.clone() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_removed_where_they_were_set() {
        let bare = Envelope::default();
        let mut property = bare.clone();
        property.properties.content_encoding = Some("gzip".to_owned());
        let mut header = bare.clone();
        header.headers.push(Header::text("x-other", "1"));
        header.headers.push(Header::text("Content-Encoding", "gzip"));
        for (original, marked) in [(bare, "m2m"), (property, "gzip, m2m"), (header, "gzip, m2m")] {
            let mut envelope = original.clone();
            mark(&mut envelope);
            assert_eq!(envelope.content_encoding().as_deref(), Some(marked));
            unmark(&mut envelope);
            assert_eq!(envelope, original);
        }
    }

    #[test]
    fn a_mark_alone_in_a_header_takes_the_header_with_it() {
        let mut envelope = Envelope::default();
        envelope.headers.push(Header::text("content-encoding", "m2m"));
        unmark(&mut envelope);
        assert_eq!(envelope, Envelope::default());
    }
}
