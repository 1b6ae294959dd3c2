use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// What wakes the future of the message that is in a slot of the ledger: notes that it has moved, and wakes those who wait.
pub(super) struct Signal {
    at: usize,
    /// Who waits for this message.
    pub(super) owner: AtomicWaker,
    moved: Arc<Moved>,
}

impl Signal {
    pub(super) fn new(at: usize, moved: Arc<Moved>) -> Self {
        Self { at, owner: AtomicWaker::new(), moved }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.moved.note(self.at);
        self.owner.wake();
    }
}

/// The slots whose futures are to be looked at, in the order in which they moved.
#[derive(Default)]
pub(super) struct Moved {
    /// Whether there is one; most of the time there is none.
    any: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    slots: Vec<usize>,
    /// Who waits for any of them.
    watchers: Vec<Waker>,
}

impl Moved {
    fn note(&self, at: usize) {
        let watchers = {
            let mut inner = self.lock();
            inner.slots.push(at);
            self.any.store(true, Ordering::Release);
            std::mem::take(&mut inner.watchers)
        };
        watchers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn watch(&self, waker: &Waker) {
        let mut inner = self.lock();
        if !inner.watchers.iter().any(|known| known.will_wake(waker)) {
            inner.watchers.push(waker.clone());
        }
    }

    /// Moves the slots to `into`, which is empty, and whose room is used again.
    pub(super) fn take(&self, into: &mut Vec<usize>) {
        if self.any.load(Ordering::Acquire) {
            let mut inner = self.lock();
            self.any.store(false, Ordering::Release);
            std::mem::swap(&mut inner.slots, into);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
