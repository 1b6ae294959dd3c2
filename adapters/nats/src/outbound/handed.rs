use std::cell::Cell;

use async_nats::{Subject, ToSubject};

/// A subject on its way to the client, which would make a copy of it: it is given away the one time that the client asks for it.
pub(crate) struct Handed(Cell<Option<Subject>>);

impl From<Subject> for Handed {
    fn from(subject: Subject) -> Self {
        Self(Cell::new(Some(subject)))
    }
}

impl ToSubject for Handed {
    fn to_subject(&self) -> Subject {
        // No client sends to an empty subject, should one ask again.
        self.0.take().unwrap_or_else(|| Subject::from_static(""))
    }
}
