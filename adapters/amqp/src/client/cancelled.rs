use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lapin::types::ShortString;

/// Set when this side cancels the consumer.
#[derive(Debug, Clone, Default)]
pub(crate) struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The consumers of a channel, so that those that are cancelled here can tell this from a cancellation by the broker.
#[derive(Debug, Default)]
pub(super) struct Consumers(Mutex<HashMap<ShortString, Weak<AtomicBool>>>);

impl Consumers {
    pub(super) fn add(&self, consumer_tag: ShortString) -> CancelFlag {
        let flag = CancelFlag::default();
        let mut consumers = self.lock();
        consumers.retain(|_, known| known.strong_count() > 0);
        consumers.insert(consumer_tag, Arc::downgrade(&flag.0));
        flag
    }

    pub(super) fn cancel(&self, consumer_tag: &ShortString) {
        if let Some(flag) = self.lock().get(consumer_tag).and_then(Weak::upgrade) {
            flag.store(true, Ordering::Release);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ShortString, Weak<AtomicBool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
