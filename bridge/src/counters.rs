//! What a route has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident => $metric:literal,)*) => {
        /// A route's counters, live.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// A route's counters at one moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Snapshot { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.get(),)* }
            }
        }

        impl Snapshot {
            /// Every counter under its metric's name, in OpenTelemetry's words where it has some.
            pub fn metrics(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($metric, self.$name),)*].into_iter()
            }

            /// Writes the counters to the log.
            pub(crate) fn log(&self, route: &str, words: &str) {
                tracing::info!(route, $({ $metric } = self.$name,)* "{words}");
            }
        }
    };
}

counters! {
    /// Messages read from the source, redeliveries included.
    received => "messaging.client.consumed.messages",
    /// Bytes of payload read.
    bytes_in => "messaging.client.consumed.bytes",
    /// Copies handed to a destination, repeated ones included.
    sent => "messaging.client.sent.messages",
    /// Bytes of payload handed to destinations.
    bytes_out => "messaging.client.sent.bytes",
    /// Copies that a destination's broker confirmed.
    confirmed => "m2m.bridge.confirmed.messages",
    /// Copies handed to a destination that cannot confirm (core NATS): nobody knows whether they arrived.
    unconfirmable => "m2m.bridge.unconfirmable.messages",
    /// Sends that failed.
    failed => "m2m.bridge.failed.sends",
    /// Copies sent again.
    retried => "m2m.bridge.retried.messages",
    /// Messages acknowledged to the source.
    acknowledged => "m2m.bridge.acknowledged.messages",
    /// Messages handed back to the source.
    nacked => "m2m.bridge.nacked.messages",
    /// Messages whose settlement the source's broker did not take; it delivers them again.
    unsettled => "m2m.bridge.unsettled.messages",
    /// Messages that went to the dead-letter destination.
    dead_lettered => "m2m.bridge.dead_lettered.messages",
    /// Messages that no condition accepted.
    unmatched => "m2m.bridge.unmatched.messages",
    /// Conditions that could not be evaluated, and headers that could not be read for them.
    condition_errors => "m2m.bridge.condition.errors",
}
