use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// What wakes a message's future: notes that it has moved, and wakes those who wait.
pub(super) struct Signal {
    id: u64,
    /// Who waits for this message.
    pub(super) owner: AtomicWaker,
    /// Whether the message is written to the connection.
    written: AtomicBool,
    moved: Arc<Moved>,
}

impl Signal {
    pub(super) fn new(id: u64, moved: Arc<Moved>) -> Self {
        Self { id, owner: AtomicWaker::new(), written: AtomicBool::new(false), moved }
    }

    pub(super) fn set_written(&self) {
        self.written.store(true, Ordering::Release);
    }

    pub(super) fn is_written(&self) -> bool {
        self.written.load(Ordering::Acquire)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.moved.note(self.id);
        self.owner.wake();
    }
}

/// The futures that are to be looked at, in the order in which they moved.
#[derive(Default)]
pub(super) struct Moved(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    ids: Vec<u64>,
    /// Who waits for any of them.
    watchers: Vec<Waker>,
}

impl Moved {
    pub(super) fn push(&self, id: u64) {
        self.lock().ids.push(id);
    }

    fn note(&self, id: u64) {
        let watchers = {
            let mut inner = self.lock();
            inner.ids.push(id);
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

    /// Moves the ids to `into`, which is empty, and whose room is used again.
    pub(super) fn take(&self, into: &mut Vec<u64>) {
        std::mem::swap(&mut self.lock().ids, into);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
