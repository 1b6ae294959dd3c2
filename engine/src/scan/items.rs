//! Memory of whole items of conversations: an agent sends the conversation so far again with every turn, byte for byte.
//!
//! An item that was clean is passed over where the same bytes stand in the same list of a model call again: what reading them would give
//! is known. That they are the same is told by a keyed 128-bit hash, as for single passages (see `seen`).

use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use highway::{HighwayHash, HighwayHasher, Key};

use super::names::List;
use super::seen::random_key;
use crate::json::{Known, MessageFacts};

/// By so many bytes an item's beginning is looked up; shorter ones are read in less time.
const START: usize = 64;

/// Items with the same beginning, or the same place in memory, that are remembered at once.
const WAYS: usize = 4;

/// What has been read, in bounded memory; shared by all threads.
pub(super) struct Items {
    /// One for each list.
    keys: [Key; List::COUNT],
    /// For beginnings, which say no more than where to look.
    starts: foldhash::quality::RandomState,
    groups: Vec<Mutex<[Item; WAYS]>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Item {
    /// Of its first [`START`] bytes.
    start: u64,
    /// Of all of it.
    hash: [u64; 2],
    /// In bytes; 0 for none.
    len: usize,
    facts: Option<MessageFacts>,
}

impl Items {
    /// Remembers about `entries` items, at some 60 bytes each; none for 0, or when the operating system gives no random key.
    pub(super) fn new(entries: usize) -> Self {
        let mut keys = [Key::default(); List::COUNT];
        let are_random = keys.iter_mut().all(|key| random_key().map(|new| *key = new).is_some());
        let groups = if are_random { entries.div_ceil(WAYS) } else { 0 };
        let starts = foldhash::quality::RandomState::default();
        Self { keys, starts, groups: (0..groups).map(|_| Mutex::default()).collect() }
    }

    /// An empty one of the same size, for another scanner.
    pub(super) fn another(&self) -> Self {
        Self::new(self.groups.len() * WAYS)
    }

    /// The item with which `payload` goes on at `at`, if it is remembered, and its facts if they are `wanted`. What is hashed in vain is taken
    /// from `budget`, so that items made to look like others cost no more than reading them.
    pub(super) fn find(
        &self,
        list: List,
        payload: &[u8],
        at: usize,
        wanted: bool,
        budget: &mut usize,
    ) -> Option<Known> {
        let rest = payload.get(at..)?;
        let (key, start, group) = self.group(list, rest)?;
        // A copy, so that nobody waits while long items are hashed.
        let items = *lock(group);
        for item in items.iter().filter(|item| item.start == start && item.len > 0) {
            let Some(bytes) = rest.get(..item.len) else { continue };
            if bytes.last() != Some(&b'}') || (wanted && item.facts.is_none()) {
                continue;
            }
            *budget = budget.checked_sub(item.len)?;
            if HighwayHasher::new(*key).hash128(bytes) == item.hash {
                *budget += item.len;
                return Some(Known { end: at + item.len, facts: item.facts });
            }
        }
        None
    }

    /// Remembers an item that was clean.
    pub(super) fn store(&self, list: List, bytes: &[u8], facts: Option<MessageFacts>) {
        let Some((key, start, group)) = self.group(list, bytes) else { return };
        let hash = HighwayHasher::new(*key).hash128(bytes);
        let item = Item { start, hash, len: bytes.len(), facts };
        let mut group = lock(group);
        let same = group.iter().position(|known| known.len == item.len && known.hash == hash);
        let free = group.iter().position(|known| known.len == 0);
        let named = usize::from(hash[1].to_le_bytes()[0]) % WAYS;
        if let Some(slot) = group.get_mut(same.or(free).unwrap_or(named)) {
            *slot = item;
        }
    }

    /// Where an item of this beginning is remembered. `None` when it is not worth it.
    fn group(&self, list: List, bytes: &[u8]) -> Option<(&Key, u64, &Mutex<[Item; WAYS]>)> {
        let groups = u64::try_from(self.groups.len()).ok().filter(|groups| *groups > 0)?;
        let key = self.keys.get(list.index())?;
        let start = self.starts.hash_one((list.index(), bytes.get(..START)?));
        Some((key, start, self.groups.get(usize::try_from(start % groups).ok()?)?))
    }
}

fn lock(group: &Mutex<[Item; WAYS]>) -> MutexGuard<'_, [Item; WAYS]> {
    group.lock().unwrap_or_else(PoisonError::into_inner)
}
