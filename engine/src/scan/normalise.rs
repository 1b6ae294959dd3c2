//! One spelling for texts that read the same: part of step 1.
//!
//! Attackers write `ｉｇｎｏｒｅ`, `і g n о r e` or `1gn0re`; rules are written once. Every text is folded ([`fold`]); stretches that may say
//! more than they show ([`Suspects`]) are read a second time as they would be understood ([`Revealed`]), or decoded. Every step keeps
//! [`Origins`], so that a finding's range can be given in the text as it was.

pub(super) mod encoded;
mod escapes;
mod fold;
mod kinds;
mod letter;
mod origins;
mod reveal;
mod spaced;
mod split;
mod suspect;
mod tags;
mod words;

#[cfg(test)]
mod tests;

pub(super) use fold::{Space, fold, fold_into, fold_pattern};
pub(super) use origins::Origins;
pub(super) use reveal::Revealed;
pub(super) use suspect::{GAP, Suspects};
pub(super) use tags::hidden;
pub(super) use words::Words;
