//! Everything that a source holds: the ledgers of its partitions, and what waits to be handed out.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use m2m_engine::bus::Envelope;

use super::convert;
use super::ledger::{Ledger, Mark, Settled};
use crate::error::SettleError;

/// Where a delivered message stands.
#[derive(Debug, Clone)]
pub(super) struct Position {
    topic: Arc<str>,
    partition: i32,
    offset: i64,
    /// Of the ledger that holds it.
    assignment: u64,
}

/// Up to where partitions can be committed.
pub(super) type Marks = Vec<(Arc<str>, i32, Mark)>;

#[derive(Debug, Default)]
pub(super) struct State {
    ledgers: HashMap<Arc<str>, HashMap<i32, Ledger>>,
    ready: VecDeque<(Position, Envelope)>,
    /// Not acknowledged; to be handed out again, the earliest first.
    retries: VecDeque<(Instant, Position)>,
    assignments: u64,
    held: usize,
    uncommitted: usize,
    bytes: usize,
}

impl State {
    /// Messages that a crash would deliver again.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Those among them that only wait for a commit.
    pub(super) fn uncommitted(&self) -> usize {
        self.uncommitted
    }

    /// Bytes of what is not acknowledged.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes in a message that arrived.
    pub(super) fn hold(&mut self, partition: i32, offset: i64, envelope: Envelope) {
        let size = convert::size(&envelope);
        let kept = envelope.clone();
        let topic = match self.ledgers.get_key_value(envelope.address.name.as_str()) {
            Some((topic, _)) => Arc::clone(topic),
            None => Arc::from(envelope.address.name.as_str()),
        };
        if !self.ledger(&topic, partition).is_some_and(|ledger| ledger.continues_at(offset)) {
            // Just assigned; or its position went back, and what was handed out of it is out of date.
            self.revoke(|t, p| *t == *topic && p == partition);
            self.assignments += 1;
            let partitions = self.ledgers.entry(Arc::clone(&topic)).or_default();
            partitions.insert(partition, Ledger::new(self.assignments));
        }
        if let Some(ledger) = self.ledger(&topic, partition) {
            ledger.hold(offset, kept, size);
            let assignment = ledger.id();
            self.held += 1;
            self.bytes += size;
            self.ready.push_back((Position { topic, partition, offset, assignment }, envelope));
        }
    }

    /// Settles a message; what that freed, in bytes.
    pub(super) fn settle(&mut self, position: &Position) -> Result<usize, SettleError> {
        let Settled { bytes, passed } = self.of(position)?.settle(position.offset);
        self.bytes -= bytes;
        self.uncommitted += passed;
        Ok(bytes)
    }

    /// Lets a message be handed out again at `due`, which must not be before that of earlier calls.
    pub(super) fn retry(&mut self, position: Position, due: Instant) -> Result<(), SettleError> {
        self.of(&position)?;
        self.retries.push_back((due, position));
        Ok(())
    }

    /// When the next message is due again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.retries.front().map(|(due, _)| *due)
    }

    /// What is due again, in the order of offsets, then what is new.
    pub(super) fn batch(&mut self, now: Instant) -> Vec<(Position, Envelope)> {
        let mut batch = Vec::new();
        while let Some((_, position)) = self.retries.pop_front_if(|(due, _)| *due <= now) {
            let kept = self.of(&position).ok().and_then(|ledger| ledger.kept(position.offset));
            if let Some(envelope) = kept.cloned() {
                batch.push((position, envelope));
            }
        }
        batch.sort_by_key(|(position, _)| (position.assignment, position.offset));
        batch.extend(self.ready.drain(..));
        batch
    }

    /// What can be committed, of the partitions that `of` holds for.
    pub(super) fn marks(&self, of: impl Fn(&str, i32) -> bool) -> Marks {
        let mut marks = Marks::new();
        for (topic, partitions) in &self.ledgers {
            for (partition, ledger) in partitions {
                if of(topic, *partition)
                    && let Some(mark) = ledger.mark()
                {
                    marks.push((Arc::clone(topic), *partition, mark));
                }
            }
        }
        marks
    }

    /// Notes that `marks` are committed.
    pub(super) fn committed(&mut self, marks: &Marks) {
        for (topic, partition, mark) in marks {
            let ledger = self.ledger(topic, *partition);
            if let Some(ledger) = ledger.filter(|ledger| ledger.id() == mark.id) {
                let freed = ledger.committed(*mark);
                self.held -= freed;
                self.uncommitted -= freed;
            }
        }
    }

    /// Forgets the partitions that `of` holds for: what is said about their messages no longer counts.
    pub(super) fn revoke(&mut self, of: impl Fn(&str, i32) -> bool) {
        for (topic, partitions) in &mut self.ledgers {
            partitions.retain(|partition, ledger| {
                let revoked = of(topic, *partition);
                if revoked {
                    self.held -= ledger.held();
                    self.uncommitted -= ledger.uncommitted();
                    self.bytes -= ledger.bytes();
                }
                !revoked
            });
        }
        self.ledgers.retain(|_, partitions| !partitions.is_empty());
        self.ready.retain(|(position, _)| !of(&position.topic, position.partition));
        self.retries.retain(|(_, position)| !of(&position.topic, position.partition));
    }

    fn ledger(&mut self, topic: &str, partition: i32) -> Option<&mut Ledger> {
        self.ledgers.get_mut(topic)?.get_mut(&partition)
    }

    /// The ledger that holds a position.
    fn of(&mut self, position: &Position) -> Result<&mut Ledger, SettleError> {
        let ledger = self.ledger(&position.topic, position.partition);
        ledger.filter(|ledger| ledger.id() == position.assignment).ok_or_else(|| {
            SettleError::Revoked {
                topic: position.topic.as_ref().to_owned(),
                partition: position.partition,
                offset: position.offset,
            }
        })
    }
}

#[cfg(test)]
mod tests;
