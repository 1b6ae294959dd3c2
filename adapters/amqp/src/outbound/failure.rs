use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::message::BasicReturnMessage;
use m2m_engine::error::Transience;

use crate::error::reply_code;

/// Why a publish did not come to its good end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The broker had no queue for it.
    Returned(Box<BasicReturnMessage>),
    /// The broker answered `basic.nack`.
    Nacked,
    /// It is longer than the server takes.
    TooLong { len: usize, limit: usize },
    /// The channel failed, and nothing else was in flight on it.
    Amqp(lapin::Error),
    /// The channel failed with other messages in flight.
    ChannelLost(lapin::Error),
}

impl Failure {
    /// The reason for a payload of `len` bytes; `alone` says that nothing else was in flight.
    pub(crate) fn of(error: lapin::Error, len: usize, alone: bool) -> Self {
        match reply_code::message_size(&error) {
            Some((too_long, limit)) if too_long == len => Self::TooLong { len, limit },
            _ if alone => Self::Amqp(error),
            _ => Self::ChannelLost(error),
        }
    }
}

/// Counts failures across the channels of a sink.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    failed: AtomicUsize,
    suspects: AtomicUsize,
}

impl Tally {
    pub(crate) fn note(&self, failure: &Failure) {
        self.failed.fetch_add(1, Ordering::AcqRel);
        if let Failure::ChannelLost(error) = failure
            && reply_code::transience(error) == Transience::Permanent
        {
            self.suspects.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How many messages have failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::Acquire)
    }

    /// How many messages have yet to be sent again of those one of which made the broker close the channel.
    pub(crate) fn suspects(&self) -> usize {
        self.suspects.load(Ordering::Acquire)
    }

    /// One more was sent, most likely one of the suspects.
    pub(crate) fn sent(&self) {
        let less = |suspects: usize| suspects.checked_sub(1);
        // Nothing to subtract from is the usual case.
        let _ = self.suspects.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }
}
