//! Memory of passages already judged: agents send the whole conversation again with each turn.
//!
//! A passage is known by a keyed 128-bit hash (HighwayHash) of what stands in the payload, who says it and whether it has escapes. The
//! key is the process's own secret, so that nobody outside can make two texts that count as one. A memory serves one scanner.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use highway::{HighwayHash, HighwayHasher, Key};

use super::{Finding, Speaker};
use crate::json::Text;

/// Shorter texts, in bytes, are judged in less time than it takes to remember them.
const SHORTEST: usize = 8;

/// Slots in which a text may be remembered.
const WAYS: usize = 4;

/// Texts with findings that are remembered at most; clean ones are many and small, these are few and large.
const FOUND: usize = 1024;

/// Keys: for each speaker, escaped or not.
const KEYS: usize = 2 * Speaker::ALL.len();

/// A secret of this process; `None` when the operating system gives no random bytes.
pub(super) fn random_key() -> Option<Key> {
    let mut bytes = [[0; 8]; 4];
    getrandom::fill(bytes.as_flattened_mut()).ok()?;
    Some(Key(bytes.map(u64::from_le_bytes)))
}

/// What has been judged, in bounded memory; shared by all threads.
pub(super) struct Seen {
    /// One for each speaker, escaped or not.
    keys: Vec<Key>,
    /// Hashes of clean texts, in groups of [`WAYS`]. A slot read while it is written gives a hash of no text at all.
    clean: Vec<[[AtomicU64; 2]; WAYS]>,
    found: Mutex<HashMap<[u64; 2], Arc<[Finding]>>>,
}

/// Where a text is remembered.
pub(super) struct Slot<'s> {
    hash: [u64; 2],
    group: &'s [[AtomicU64; 2]; WAYS],
}

impl Slot<'_> {
    /// Whether the text is remembered as one in which nothing was found. Takes no branch, so that the processor goes on to other texts
    /// while it waits for memory.
    pub(super) fn is_clean(&self) -> bool {
        let differs = |one| (load(one)[0] ^ self.hash[0]) | (load(one)[1] ^ self.hash[1]);
        self.group.iter().fold(false, |any, one| any | (differs(one) == 0))
    }
}

impl Seen {
    /// Remembers about `entries` texts, at 16 bytes each; none for 0, or when the operating system gives no random key.
    pub(super) fn new(entries: usize) -> Self {
        let keys: Option<Vec<Key>> = (0..KEYS).map(|_| random_key()).collect();
        let groups = if keys.is_some() { entries.div_ceil(WAYS) } else { 0 };
        Self {
            keys: keys.unwrap_or_default(),
            clean: (0..groups).map(|_| Default::default()).collect(),
            found: Mutex::default(),
        }
    }

    /// An empty one of the same size, for another scanner.
    pub(super) fn another(&self) -> Self {
        Self::new(self.clean.len() * WAYS)
    }

    /// Where a text is remembered. `None` when it is not worth it.
    pub(super) fn slot(&self, text: &Text<'_>, speaker: Speaker) -> Option<Slot<'_>> {
        let groups = u64::try_from(self.clean.len()).ok().filter(|groups| *groups > 0)?;
        let raw = text.raw().as_bytes();
        if raw.len() < SHORTEST {
            return None;
        }
        let speaker = match speaker {
            Speaker::Operator => 0,
            Speaker::User => 1,
            Speaker::Assistant => 2,
            Speaker::Tool => 3,
            Speaker::Unknown => 4,
        };
        let key = self.keys.get(speaker * 2 + usize::from(text.is_escaped()))?;
        let hash = HighwayHasher::new(*key).hash128(raw);
        let group = self.clean.get(usize::try_from(hash[0] % groups).ok()?)?;
        Some(Slot { hash, group })
    }

    /// What was found in the text of a slot, if something was when it was remembered.
    pub(super) fn known(&self, slot: &Slot<'_>) -> Option<Arc<[Finding]>> {
        self.found().get(&slot.hash).cloned()
    }

    /// Remembers what was found in the text of a slot.
    pub(super) fn store(&self, slot: &Slot<'_>, findings: &[Finding]) {
        if findings.is_empty() {
            return store(slot.group, slot.hash);
        }
        let mut found = self.found();
        if found.len() >= FOUND {
            found.clear();
        }
        found.insert(slot.hash, findings.into());
    }

    fn found(&self) -> std::sync::MutexGuard<'_, HashMap<[u64; 2], Arc<[Finding]>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(slot: &[AtomicU64; 2]) -> [u64; 2] {
    slot.each_ref().map(|half| half.load(Ordering::Relaxed))
}

/// Remembers a hash in a free slot of its group, else in one that the hash itself names, which is as good as a random one.
fn store(group: &[[AtomicU64; 2]; WAYS], hash: [u64; 2]) {
    let free = group.iter().find(|slot| load(slot) == [0; 2]);
    let named = || group.iter().cycle().nth(usize::from(hash[1].to_le_bytes()[0]) % WAYS);
    if let Some(slot) = free.or_else(named) {
        for (half, value) in slot.iter().zip(hash) {
            half.store(value, Ordering::Relaxed);
        }
    }
}
