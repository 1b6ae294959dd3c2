//! The messages in flight on a channel, and whose a returned message is.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use lapin::Confirmation;
use lapin::message::BasicReturnMessage;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::drain::Drain;
use super::failure::{Failure, Tally};
use super::publisher::{Job, Message, Outcome};

/// What lapin says of the message with this number.
pub(super) type Done = (u64, lapin::Result<Confirmation>);

struct Flying {
    message: Arc<Message>,
    outcome: oneshot::Sender<Outcome>,
    returned: Option<BasicReturnMessage>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// The messages in flight on a channel.
pub(super) struct Flight {
    next: u64,
    flying: BTreeMap<u64, Flying>,
    futures: FuturesUnordered<BoxFuture<'static, Done>>,
    drain: Drain,
    /// Returned messages whose outcome nobody waited for.
    pub(super) unclaimed: Vec<BasicReturnMessage>,
    tally: Arc<Tally>,
}

impl Flight {
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self {
            next: 0,
            flying: BTreeMap::new(),
            futures: FuturesUnordered::new(),
            drain: Drain::default(),
            unclaimed: Vec::new(),
            tally,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }

    pub(super) fn publish(&mut self, channel: Arc<lapin::Channel>, job: Job) {
        let Job { message, written, outcome, slot } = job;
        let id = self.next;
        self.next += 1;
        let sent = Arc::clone(&message);
        let mut future = async move { (id, publish(&channel, &sent, written).await) }.boxed();
        self.flying.insert(id, Flying { message, outcome, returned: None, _slot: slot });
        // The first poll puts the frames in lapin's queue: polled here, in the order of calls.
        match (&mut future).now_or_never() {
            Some(done) => self.futures.push(std::future::ready(done).boxed()),
            None => self.futures.push(future),
        }
    }

    /// All that is done by now, at least one. Loses nothing when dropped.
    pub(super) async fn done(&mut self) -> Vec<Done> {
        std::future::poll_fn(|cx| self.drain.poll(&mut self.futures, cx)).await
    }

    pub(super) fn settle(&mut self, mut done: Vec<Done>) {
        let failed = done.iter().filter(|(_, result)| result.is_err()).count();
        let alone = failed == 1 && self.flying.len() == done.len();
        for (id, result) in &mut done {
            if let Ok(Confirmation::Ack(returned) | Confirmation::Nack(returned)) = result
                && let Some(message) = returned.take()
            {
                self.give_to_owner(message, *id);
            }
        }
        for (id, result) in done {
            let Some(flying) = self.flying.remove(&id) else { continue };
            let outcome = match (flying.returned, result) {
                (Some(message), _) => Err(Failure::Returned(Box::new(message))),
                (None, Ok(Confirmation::Nack(_))) => Err(Failure::Nacked),
                (None, Ok(confirmation)) => Ok(confirmation),
                (None, Err(error)) => Err(Failure::of(error, flying.message.payload.len(), alone)),
            };
            if let Err(failure) = &outcome {
                self.tally.note(failure);
            }
            if let Err(Err(Failure::Returned(message))) = flying.outcome.send(outcome) {
                self.unclaimed.push(*message);
            }
        }
    }

    /// Notes the return with the message that it is about; with the one that lapin gave it to where none matches.
    fn give_to_owner(&mut self, returned: BasicReturnMessage, id: u64) {
        let alike = |flying: &Flying| {
            let (sent, back) = (&flying.message, &returned.delivery);
            flying.returned.is_none()
                && (sent.options.mandatory || sent.options.immediate)
                && sent.exchange == back.exchange
                && sent.routing_key == back.routing_key
                && sent.payload == back.data
        };
        // Brokers may change properties (a reply address, say), so that equal ones are only the better match.
        let equal = |flying: &Flying| flying.message.properties == returned.delivery.properties;
        let mut owner = None;
        for (id, flying) in self.flying.iter().filter(|(_, flying)| alike(flying)) {
            if equal(flying) {
                owner = Some(*id);
                break;
            }
            owner = owner.or(Some(*id));
        }
        if let Some(flying) = self.flying.get_mut(&owner.unwrap_or(id)) {
            flying.returned = Some(returned);
        }
    }
}

async fn publish(
    channel: &lapin::Channel,
    message: &Message,
    written: oneshot::Sender<()>,
) -> lapin::Result<Confirmation> {
    let confirm = channel
        .basic_publish(
            message.exchange.clone(),
            message.routing_key.clone(),
            message.options,
            &message.payload,
            message.properties.clone(),
        )
        .await?;
    let _ = written.send(());
    confirm.await
}
