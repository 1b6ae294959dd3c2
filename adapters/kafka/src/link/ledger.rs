//! One partition's messages between delivery and commit.
//!
//! A commit in Kafka is cumulative: it says that everything below an offset is done. Messages are settled in any order, so the
//! ledger holds them in the partition's order and moves its mark only over those that are settled without a gap.

use std::collections::VecDeque;

use m2m_engine::bus::Envelope;

/// Messages of one partition, for as long as it stays assigned.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Tells this assignment of the partition from earlier ones.
    id: u64,
    /// Delivered, and not below the mark.
    slots: VecDeque<Slot>,
    last: Option<i64>,
    /// Everything below is done.
    mark: Option<i64>,
    /// How many messages went below the mark, and how many of them are committed.
    passed: u64,
    committed: u64,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    /// The copy to hand out again; `None` once settled.
    kept: Option<Envelope>,
    size: usize,
}

/// What settling a message freed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Bytes.
    pub(super) bytes: usize,
    /// Messages that are now below the mark, to be committed.
    pub(super) passed: usize,
}

/// Up to where a partition can be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: u64,
    /// The next offset to be read.
    pub(super) offset: i64,
    passed: u64,
}

impl Ledger {
    pub(super) fn new(id: u64) -> Self {
        Self { id, slots: VecDeque::new(), last: None, mark: None, passed: 0, committed: 0 }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Whether a message at `offset` continues this ledger. It does not when the consumer's position was reset backwards.
    pub(super) fn continues_at(&self, offset: i64) -> bool {
        self.last.is_none_or(|last| last < offset)
    }

    /// Takes in the next message, of `size` bytes.
    pub(super) fn hold(&mut self, offset: i64, kept: Envelope, size: usize) {
        self.last = Some(offset);
        let kept = Some(kept);
        self.slots.push_back(Slot { offset, kept, size });
    }

    /// The message at `offset`, if it is not settled.
    pub(super) fn kept(&self, offset: i64) -> Option<&Envelope> {
        let at = self.at(offset)?;
        self.slots.get(at)?.kept.as_ref()
    }

    /// Settles the message at `offset` and moves the mark as far as there is no gap. Nothing happens when it is settled already.
    pub(super) fn settle(&mut self, offset: i64) -> Settled {
        let mut settled = Settled::default();
        let Some(slot) = self.at(offset).and_then(|at| self.slots.get_mut(at)) else {
            return settled;
        };
        if slot.kept.take().is_some() {
            settled.bytes = slot.size;
        }
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.kept.is_none()) {
            self.mark = Some(slot.offset.saturating_add(1));
            self.passed += 1;
            settled.passed += 1;
        }
        settled
    }

    fn at(&self, offset: i64) -> Option<usize> {
        self.slots.binary_search_by_key(&offset, |slot| slot.offset).ok()
    }

    /// What is to be committed, if anything.
    pub(super) fn mark(&self) -> Option<Mark> {
        let mark = |offset| Mark { id: self.id, offset, passed: self.passed };
        (self.passed > self.committed).then_some(self.mark)?.map(mark)
    }

    /// Notes that `mark` was committed; how many messages that frees.
    pub(super) fn committed(&mut self, mark: Mark) -> usize {
        let freed = mark.passed.saturating_sub(self.committed);
        self.committed += freed;
        usize::try_from(freed).unwrap_or(usize::MAX)
    }

    /// Messages below the mark that are not committed.
    pub(super) fn uncommitted(&self) -> usize {
        usize::try_from(self.passed - self.committed).unwrap_or(usize::MAX)
    }

    /// Messages that would be delivered again after a crash.
    pub(super) fn held(&self) -> usize {
        self.slots.len() + self.uncommitted()
    }

    /// Bytes of the kept copies.
    pub(super) fn bytes(&self) -> usize {
        let kept = self.slots.iter().filter(|slot| slot.kept.is_some());
        kept.map(|slot| slot.size).sum()
    }
}

#[cfg(test)]
mod tests;
