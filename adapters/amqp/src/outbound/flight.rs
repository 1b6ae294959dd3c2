//! The messages in flight on a channel, each with the future that lapin gave for it.
//!
//! Whoever waits for one of them looks after all that have moved: see [`super::ledger`] for the reason.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;

use super::failure::{Failure, Tally};
use super::ledger::Ledger;
use super::signal::{Moved, Signal};

/// A message as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) options: BasicPublishOptions,
    pub(crate) payload: Bytes,
    pub(crate) properties: BasicProperties,
}

/// Confirmed, or why not.
pub(crate) type Outcome = Result<(), Failure>;

/// Publishes on one channel in confirm mode, in the order of calls.
#[derive(Clone)]
pub(crate) struct Flights(Arc<Inner>);

struct Inner {
    channel: Arc<lapin::Channel>,
    ledger: Mutex<Ledger>,
    moved: Arc<Moved>,
}

impl Flights {
    pub(crate) fn new(channel: lapin::Channel, tally: Arc<Tally>) -> Self {
        Self(Arc::new(Inner {
            channel: Arc::new(channel),
            ledger: Mutex::new(Ledger::new(tally)),
            moved: Arc::default(),
        }))
    }

    /// Takes the message's place in the order of calls.
    pub(crate) fn publish(&self, message: Message) -> Ticket {
        let channel = Arc::clone(&self.0.channel);
        let len = message.payload.len();
        let returnable = message.options.mandatory || message.options.immediate;
        let kept = returnable.then(|| Box::new(message.clone()));
        let mut ledger = self.ledger();
        let id = ledger.next_id();
        let signal = Arc::new(Signal::new(id, Arc::clone(&self.0.moved)));
        let written = Arc::clone(&signal);
        let publish = Box::pin(async move {
            let Message { exchange, routing_key, options, payload, properties } = message;
            let published =
                channel.basic_publish(exchange, routing_key, options, &payload, properties);
            let confirm = published.await?;
            written.set_written();
            drop((payload, channel, written));
            confirm.await
        });
        ledger.add(id, len, kept, Arc::clone(&signal), publish);
        // The first look puts the frames in lapin's queue.
        self.0.moved.push(id);
        ledger.settle_moved(&self.0.moved);
        Ticket { id, signal, flights: self.clone() }
    }

    /// Waits until fewer than `limit` messages are in flight.
    pub(crate) async fn below(&self, limit: usize) {
        poll_fn(|cx| {
            self.0.moved.watch(cx.waker());
            let mut ledger = self.ledger();
            ledger.settle_moved(&self.0.moved);
            if ledger.flying() < limit { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// How many messages are in flight.
    pub(crate) fn flying(&self) -> usize {
        let mut ledger = self.ledger();
        ledger.settle_moved(&self.0.moved);
        ledger.flying()
    }

    /// The returned messages whose outcome nobody waited for.
    pub(crate) fn take_unclaimed(&self) -> Vec<BasicReturnMessage> {
        self.ledger().take_unclaimed()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message on its way. Dropped, the message goes on without it.
pub(crate) struct Ticket {
    id: u64,
    signal: Arc<Signal>,
    flights: Flights,
}

impl Ticket {
    /// Waits until the message is written to the connection, which is true, or settled without.
    pub(crate) async fn written(&self) -> bool {
        let written = poll_fn(|cx| self.poll(cx, |ledger, id| ledger.is_written(id))).await;
        // Else the confirmation would wake who waits for something else by then.
        self.signal.owner.take();
        written
    }

    /// Ready, once, when the message is settled.
    pub(crate) fn poll_outcome(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll(cx, Ledger::take_outcome)
    }

    /// The outcome, where there is one already.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.flights.ledger().take_outcome(self.id)
    }

    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Ledger, u64) -> Option<T>,
    ) -> Poll<T> {
        self.signal.owner.register(cx.waker());
        let mut ledger = self.flights.ledger();
        ledger.settle_moved(&self.flights.0.moved);
        look(&mut ledger, self.id).map_or(Poll::Pending, Poll::Ready)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.id).finish()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.flights.ledger().abandon(self.id);
    }
}
