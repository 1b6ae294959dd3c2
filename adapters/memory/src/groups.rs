//! Which groups a bus has, and which of them a subject reaches.

use std::collections::HashMap;
use std::sync::Arc;

use crate::queue::Queue;

/// The groups of a bus.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) closed: bool,
    next_id: u64,
    exact: HashMap<String, Vec<Arc<Queue>>>,
    /// Those with wildcards, which each subject is compared with.
    wild: Vec<Arc<Queue>>,
}

impl Groups {
    pub(crate) fn find(&self, subject: &str, group: &str) -> Option<&Arc<Queue>> {
        let exact = self.exact.get(subject).into_iter().flatten();
        exact
            .chain(&self.wild)
            .find(|queue| queue.subject == subject && queue.group.as_deref() == Some(group))
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn add(&mut self, queue: Arc<Queue>, wild: bool) {
        if wild {
            self.wild.push(queue);
        } else {
            let same = self.exact.entry(queue.subject.clone()).or_default();
            same.push(queue);
        }
    }

    pub(crate) fn remove(&mut self, queue: &Queue) {
        self.wild.retain(|other| other.id != queue.id);
        if let Some(same) = self.exact.get_mut(&queue.subject) {
            same.retain(|other| other.id != queue.id);
            if same.is_empty() {
                self.exact.remove(&queue.subject);
            }
        }
    }

    /// The groups that a message to `subject` is for, oldest first: all publishers wait for places in this order, so that no
    /// two of them can wait for each other.
    pub(crate) fn reached_by(&self, subject: &str) -> Vec<Arc<Queue>> {
        let exact = self.exact.get(subject).into_iter().flatten();
        let wild =
            self.wild.iter().filter(|queue| crate::subject::matches(&queue.subject, subject));
        let mut reached: Vec<_> = exact.chain(wild).map(Arc::clone).collect();
        reached.sort_unstable_by_key(|queue| queue.id);
        reached
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Queue>> {
        self.exact.values().flatten().chain(&self.wild)
    }
}
