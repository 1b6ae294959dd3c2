//! Which requesters can read a framed reply.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Remembers, for reply addresses met on requests, whether the requester reads frames: a reply is framed only when its request
/// was framed or carried `m2m-accept: 1`. Bounded: the oldest address is forgotten first.
#[derive(Debug)]
pub struct Replies {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accepts: HashMap<String, bool>,
    oldest_first: VecDeque<String>,
}

impl Replies {
    /// A memory of at most `capacity` addresses.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// Notes that a request with this reply address was met, and whether its sender reads frames.
    pub fn note(&self, reply_to: &str, accepts: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.accepts.insert(reply_to.to_owned(), accepts).is_none() {
            state.oldest_first.push_back(reply_to.to_owned());
            if state.oldest_first.len() > self.capacity
                && let Some(oldest) = state.oldest_first.pop_front()
            {
                state.accepts.remove(&oldest);
            }
        }
    }

    /// Whether the requester behind `address` reads frames; `None` when no request with that reply address is remembered.
    #[must_use]
    pub fn accepts(&self, address: &str) -> Option<bool> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.accepts.get(address).copied()
    }
}
