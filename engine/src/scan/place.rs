//! Where a string stands: written as a JSON pointer (RFC 6901) only for those in which something was found.

use crate::json::Text;

/// The step from a container to one of its values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Member(Text<'a>),
    Item(usize),
}

/// A place; [`Place::TOP`] is the whole document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(usize);

impl Place {
    pub(super) const TOP: Self = Self(0);
}

/// The places that matter, each by its step from another.
#[derive(Debug, Default)]
pub(super) struct Places<'a>(Vec<(Place, Step<'a>)>);

/// The longest pointer in bytes; the rest of a longer one is left out, so that a long name is not copied for each finding below it.
const LONGEST: usize = 1024;

impl<'a> Places<'a> {
    pub(super) fn add(&mut self, from: Place, step: Step<'a>) -> Place {
        self.0.push((from, step));
        Place(self.0.len())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn pointer(&self, mut place: Place) -> String {
        let mut steps = Vec::new();
        while let Some((from, step)) = place.0.checked_sub(1).and_then(|at| self.0.get(at)) {
            steps.push(step);
            place = *from;
        }
        let mut pointer = String::new();
        for step in steps.iter().rev() {
            pointer.push('/');
            match step {
                Step::Item(index) => pointer.push_str(&index.to_string()),
                Step::Member(name) => {
                    for char in name.start(LONGEST).unescaped().chars() {
                        match char {
                            '~' => pointer.push_str("~0"),
                            '/' => pointer.push_str("~1"),
                            char => pointer.push(char),
                        }
                    }
                }
            }
            if pointer.len() > LONGEST {
                pointer.truncate(pointer.floor_char_boundary(LONGEST));
                break;
            }
        }
        pointer
    }
}
