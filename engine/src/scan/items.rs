//! Memory of whole items of conversations: an agent sends the conversation so far again with every turn, byte for byte.
//!
//! An item that was clean is passed over where the same bytes stand in the same list of a model call again: what reading them would give
//! is known. That they are the same is told by a keyed 128-bit hash, as for single passages (see `seen`). Of a list that is sent again,
//! all from its second item on is one [`Row`], so that it takes two looks, however long it is: the first item is often the same for many
//! conversations, the second their own. What follows a row is remembered with it alone; should another conversation take its place, that
//! is read once more.

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use highway::{HighwayHash, HighwayHasher, Key};

use super::names::List;
use super::seen::random_key;
use crate::json::{Known, KnownFacts, MessageFacts};

/// By so many bytes an item's beginning is looked up, and a row's end; shorter ones are read in less time.
const START: usize = 64;

/// The same of a row's beginning, beyond what calls of the same tool have in common: a row's place has room for one.
const ROW_START: usize = 256;

/// Items with the same beginning, or the same place in memory, that are remembered at once.
const WAYS: usize = 4;

/// Items of a row at most, so that memory is bounded: a header's facts of each are remembered with it.
const LONGEST: usize = 512;

/// What has been read, in bounded memory; shared by all threads.
pub(super) struct Items {
    /// One for each list.
    keys: [Key; List::COUNT],
    /// For beginnings, which say no more than where to look.
    starts: foldhash::quality::RandomState,
    groups: Vec<Mutex<Group>>,
}

/// What begins alike, or has the same place in memory.
#[derive(Debug, Default)]
struct Group {
    items: [Item; WAYS],
    row: Option<Row>,
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

/// Items that follow one another in a list, with what stands between.
#[derive(Debug, Clone)]
struct Row {
    /// Of its first [`ROW_START`] bytes.
    start: u64,
    /// Of its last [`START`] bytes.
    end: u64,
    /// Of all of it.
    hash: [u64; 2],
    /// In bytes.
    len: usize,
    count: usize,
    /// Of each item, if they are known.
    facts: Option<Arc<[MessageFacts]>>,
}

/// A row that is known, and with which a payload goes on.
pub(super) struct KnownRow {
    pub(super) known: Known,
    /// How many items it is.
    pub(super) count: usize,
    pub(super) hashed: Hashed,
}

/// The beginning of a row, hashed, so that what follows can be added.
pub(super) struct Hashed {
    hasher: HighwayHasher,
    /// In bytes.
    len: usize,
    /// Whether it is remembered with its facts.
    has_facts: bool,
}

impl Items {
    /// Remembers about `entries` items and a quarter as many rows, at some 60 bytes an item and eight a message of a row; none for 0, or
    /// when the operating system gives no random key.
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
        let (key, start, group) = self.group(list, rest, START)?;
        // A copy, so that nobody waits while long items are hashed.
        let items = lock(group).items;
        for item in items.iter().filter(|item| item.start == start && item.len > 0) {
            let Some(bytes) = rest.get(..item.len) else { continue };
            if bytes.last() != Some(&b'}') || (wanted && item.facts.is_none()) {
                continue;
            }
            *budget = budget.checked_sub(item.len)?;
            if HighwayHasher::new(*key).hash128(bytes) == item.hash {
                *budget += item.len;
                let facts = item.facts.map_or(KnownFacts::None, KnownFacts::One);
                return Some(Known { end: at + item.len, facts });
            }
        }
        None
    }

    /// As [`Items::find`], the row with which `payload` goes on at `at`.
    pub(super) fn find_row(
        &self,
        list: List,
        payload: &[u8],
        at: usize,
        wanted: bool,
        budget: &mut usize,
    ) -> Option<KnownRow> {
        let rest = payload.get(at..)?;
        let (key, start, group) = self.group(list, rest, ROW_START)?;
        let row = lock(group).row.as_ref().filter(|row| row.start == start).cloned()?;
        let bytes = rest.get(..row.len).filter(|bytes| bytes.last() == Some(&b'}'))?;
        if (wanted && row.facts.is_none()) || self.end(bytes) != Some(row.end) {
            return None;
        }
        *budget = budget.checked_sub(row.len)?;
        let mut hasher = HighwayHasher::new(*key);
        hasher.append(bytes);
        if hasher.clone().finalize128() != row.hash {
            return None;
        }
        *budget += row.len;
        let hashed = Hashed { hasher, len: row.len, has_facts: row.facts.is_some() };
        let facts = row.facts.map_or(KnownFacts::None, KnownFacts::Row);
        let known = Known { end: at + row.len, facts };
        Some(KnownRow { known, count: row.count, hashed })
    }

    /// Remembers a row of `count` items that were clean, if it is not too long; `facts` are those of each, or fewer when they are not known.
    /// What of it has been hashed is not hashed again. Says whether all of it is remembered now, or was when it was found.
    pub(super) fn store_row(
        &self,
        list: List,
        bytes: &[u8],
        count: usize,
        facts: &[MessageFacts],
        hashed: Option<Hashed>,
    ) -> bool {
        let place = self.group(list, bytes, ROW_START).zip(self.end(bytes));
        let Some(((key, start, group), end)) = place.filter(|_| count <= LONGEST) else {
            return false;
        };
        let has_all_facts = facts.len() == count;
        let new = || Hashed { hasher: HighwayHasher::new(*key), len: 0, has_facts: false };
        let Hashed { mut hasher, len, has_facts } = hashed.unwrap_or_else(new);
        // Nothing new; or what wants the facts would know less than before.
        if len == bytes.len() || (has_facts && !has_all_facts) {
            return len == bytes.len();
        }
        hasher.append(bytes.get(len..).unwrap_or_default());
        let hash = hasher.finalize128();
        let facts = has_all_facts.then(|| facts.into());
        lock(group).row = Some(Row { start, end, hash, len: bytes.len(), count, facts });
        true
    }

    /// Of a row's last bytes.
    fn end(&self, bytes: &[u8]) -> Option<u64> {
        Some(self.starts.hash_one(bytes.last_chunk::<START>()?))
    }

    /// Remembers an item that was clean.
    pub(super) fn store(&self, list: List, bytes: &[u8], facts: Option<MessageFacts>) {
        let Some((key, start, group)) = self.group(list, bytes, START) else { return };
        let hash = HighwayHasher::new(*key).hash128(bytes);
        let item = Item { start, hash, len: bytes.len(), facts };
        let group = &mut lock(group).items;
        let same = group.iter().position(|known| known.len == item.len && known.hash == hash);
        let free = group.iter().position(|known| known.len == 0);
        let named = usize::from(hash[1].to_le_bytes()[0]) % WAYS;
        if let Some(slot) = group.get_mut(same.or(free).unwrap_or(named)) {
            *slot = item;
        }
    }

    /// Where what has these first `len` bytes is remembered. `None` when it is not worth it.
    fn group(&self, list: List, bytes: &[u8], len: usize) -> Option<(&Key, u64, &Mutex<Group>)> {
        let groups = u64::try_from(self.groups.len()).ok().filter(|groups| *groups > 0)?;
        let key = self.keys.get(list.index())?;
        let start = self.starts.hash_one((list.index(), bytes.get(..len)?));
        Some((key, start, self.groups.get(usize::try_from(start % groups).ok()?)?))
    }
}

fn lock(group: &Mutex<Group>) -> MutexGuard<'_, Group> {
    group.lock().unwrap_or_else(PoisonError::into_inner)
}
