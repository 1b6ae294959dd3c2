//! One spelling for texts that read the same: part of step 1.
//!
//! Attackers write `ｉｇｎｏｒｅ`, `і g n о r e` or `1gn0re`; rules are written once. Every step keeps [`Origins`], so that a finding's
//! range can be given in the text as it was.

mod fold;
mod letter;
mod origins;

pub(super) use fold::{fold, fold_pattern};
pub(super) use origins::Origins;
