//! The encoder's memory, kept from one message to the next: to get it from the system costs more than to compress a short message.

use ::brotli::enc::command::Command;
use ::brotli::enc::{Allocator, CombiningAllocator, StandardAlloc};
use ::brotli::{SliceWrapper, SliceWrapperMut};

type Std = StandardAlloc;

/// Two kinds of memory that are kept, and the standard allocator for the other sixteen.
pub(super) type Memory = CombiningAllocator<
    Std,
    Std,
    Std,
    Shelf<u32>,
    Std,
    Shelf<Command>,
    Std,
    Std,
    Std,
    Std,
    Std,
    Std,
    Std,
    Std,
    Std,
    Std,
    Std,
    Std,
>;

/// Nothing kept yet.
pub(super) fn fresh() -> Memory {
    let std = Std::default();
    // The hash table of quality 5 has 2^18 entries, that of quality 9 has 2^23. What is smaller is cheap, or has to be zero: the tables
    // of the lower qualities are read before they are written.
    let tables = Shelf::new(1 << 18, 1 << 23);
    // Up to 1 MiB: what a payload of 87 KB needs.
    let commands = Shelf::new(0, 1 << 16);
    CombiningAllocator::new(
        std, std, std, tables, std, commands, std, std, std, std, std, std, std, std, std, std,
        std, std,
    )
}

/// Memory of one type that is handed out again as it came back. The encoder writes it before it reads it, as the C encoder does, whose
/// memory comes from `malloc`: of a hash table it reads only what the counters beside it, which are zeroed, say that it has stored.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    kept: Option<Vec<T>>,
    /// What is kept has from so many to so many entries.
    least: usize,
    most: usize,
}

impl<T> Shelf<T> {
    fn new(least: usize, most: usize) -> Self {
        Self { kept: None, least, most }
    }
}

impl<T: Clone + Default> Allocator<T> for Shelf<T> {
    type AllocatedMemory = Lent<T>;

    fn alloc_cell(&mut self, len: usize) -> Lent<T> {
        let kept = self.kept.take_if(|kept| len >= self.least && len <= kept.len());
        Lent { memory: kept.unwrap_or_else(|| vec![T::default(); len]), len }
    }

    fn free_cell(&mut self, lent: Lent<T>) {
        let len = lent.memory.len();
        let larger = self.kept.as_ref().is_none_or(|kept| kept.len() < len);
        if larger && (self.least..=self.most).contains(&len) {
            self.kept = Some(lent.memory);
        }
    }
}

/// The front of what was kept.
#[derive(Debug, Default)]
pub(super) struct Lent<T> {
    memory: Vec<T>,
    len: usize,
}

impl<T> SliceWrapper<T> for Lent<T> {
    fn slice(&self) -> &[T] {
        self.memory.get(..self.len).unwrap_or_default()
    }
}

impl<T> SliceWrapperMut<T> for Lent<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        self.memory.get_mut(..self.len).unwrap_or_default()
    }
}
