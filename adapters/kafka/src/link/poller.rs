//! The thread that owns a source's consumer.
//!
//! It never stops polling, however slowly the relay goes: a consumer that does not poll is put out of its group
//! (`max.poll.interval.ms`). Only here are offsets committed, and here rebalances are answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use m2m_engine::error::Transience;

use super::convert;
use super::shared::{Shared, Turn};
use super::state::Marks;
use crate::error::{SourceError, transience};

/// How long one poll waits for a message; the thread notices the end of its source within it.
const POLL: Duration = Duration::from_millis(100);
/// The same while partitions are paused, when room in the window is what it waits for.
const POLL_PAUSED: Duration = Duration::from_millis(10);
/// How long a full window is waited for before partitions are paused. A pause throws away what was fetched ahead.
const GRACE: Duration = Duration::from_millis(200);
/// How many messages are taken in before `recv` is woken, at most.
const BURST: usize = 64;
/// Between a commit that failed and the next.
const COMMIT_BACKOFF: Duration = Duration::from_millis(500);

/// Answers rdkafka's callbacks, which come on the thread that polls.
#[derive(Debug)]
pub(super) struct PollContext(pub(super) Arc<Shared>);

impl ClientContext for PollContext {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        super::log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka source");
    }
}

impl ConsumerContext for PollContext {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(_) => {}
            Rebalance::Revoke(revoked) => {
                let of = |topic: &str, partition| contains(revoked, topic, partition);
                // What another member owns by now is not ours to commit.
                if !consumer.assignment_lost() {
                    commit(consumer, &self.0, &self.0.marks(of));
                }
                self.0.revoke(of);
            }
            Rebalance::Error(_) => self.0.revoke(|_, _| true),
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // A partition keeps its pause from an earlier assignment.
        if let Rebalance::Assign(assigned) = rebalance {
            let paused = self.0.paused.load(Ordering::Relaxed);
            report(if paused { consumer.pause(assigned) } else { consumer.resume(assigned) });
        }
    }
}

fn list(marks: &Marks) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(marks.len());
    for (topic, partition, mark) in marks {
        list.add_partition_offset(topic, *partition, Offset::Offset(mark.offset))?;
    }
    Ok(list)
}

fn contains(list: &TopicPartitionList, topic: &str, partition: i32) -> bool {
    list.find_partition(topic, partition).is_some()
}

fn report(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "partitions were neither paused nor resumed");
    }
}

/// Commits and waits for the answer, on this thread: librdkafka goes on fetching meanwhile.
fn commit(consumer: &BaseConsumer<PollContext>, shared: &Shared, marks: &Marks) {
    if !marks.is_empty() {
        let result = list(marks).and_then(|list| consumer.commit(&list, CommitMode::Sync));
        shared.committed(marks, result);
    }
}

/// Polls until the source ends or Kafka refuses it, then leaves the group. An error is one of the last commit.
pub(super) fn run(consumer: BaseConsumer<PollContext>, shared: &Shared) -> Result<(), KafkaError> {
    let failure = poll(&consumer, shared).err();
    drop(shared.take_commit_failure());
    commit(&consumer, shared, &shared.marks(|_, _| true));
    // Revokes what is assigned, and so tries a commit that failed once more.
    drop(consumer);
    let result = shared.take_commit_failure().map_or(Ok(()), Err);
    shared.stop(failure);
    result
}

fn poll(consumer: &BaseConsumer<PollContext>, shared: &Shared) -> Result<(), SourceError> {
    let mut committed = Instant::now();
    let mut retry = committed;
    loop {
        let paused = shared.paused.load(Ordering::Relaxed);
        let grace = if paused { Duration::ZERO } else { GRACE };
        let timeout = match shared.turn(committed, retry, grace) {
            Turn::End => return Ok(()),
            Turn::Commit => {
                commit(consumer, shared, &shared.marks(|_, _| true));
                committed = Instant::now();
                retry = match shared.take_commit_failure() {
                    None => committed,
                    Some(_) => committed + COMMIT_BACKOFF,
                };
                continue;
            }
            Turn::Poll => {
                if paused {
                    shared.paused.store(false, Ordering::Relaxed);
                    report(consumer.assignment().and_then(|all| consumer.resume(&all)));
                }
                POLL
            }
            Turn::Full => {
                if !paused {
                    shared.paused.store(true, Ordering::Relaxed);
                    report(consumer.assignment().and_then(|all| consumer.pause(&all)));
                }
                POLL_PAUSED
            }
        };
        burst(consumer, shared, timeout)?;
    }
}

/// Waits for a message, and takes those in that are there already behind it.
fn burst(
    consumer: &BaseConsumer<PollContext>,
    shared: &Shared,
    timeout: Duration,
) -> Result<(), SourceError> {
    for number in 0..BURST {
        match consumer.poll(if number == 0 { timeout } else { Duration::ZERO }) {
            None if number == 0 => return Ok(()),
            None => break,
            Some(Ok(message)) => {
                let envelope = convert::envelope(&message, message.headers());
                if !shared.hold(message.partition(), message.offset(), envelope) {
                    break;
                }
            }
            Some(Err(error)) => judge(error)?,
        }
    }
    shared.announce();
    Ok(())
}

/// Lets those errors pass that librdkafka gets over by itself.
fn judge(error: KafkaError) -> Result<(), SourceError> {
    let fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
    let passes = match error.rdkafka_error_code() {
        // The topic may be created later, and its metadata are asked for again.
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => true,
        _ => transience(&error) == Transience::Transient,
    };
    if passes && !fatal {
        // `PollContext::error` has said so already, where it was more than the end of a partition.
        return Ok(());
    }
    Err(SourceError::Consume { source: error, fatal })
}
