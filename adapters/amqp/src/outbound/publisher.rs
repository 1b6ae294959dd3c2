//! Publishes on one channel and settles what was published: who was confirmed, who was returned, who failed.
//!
//! With a confirmation lapin hands over a returned message, but whichever came first: when the broker returns one message and then
//! confirms it together with others, any of these may get it (lapin 4.12, `acknowledgement.rs`). So one task per channel
//! looks at all of them and finds the owner by what was sent.

use std::sync::Arc;

use bytes::Bytes;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Confirmation};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::failure::{Failure, Tally};
use super::flight::Flight;

/// A message as it goes out.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) options: BasicPublishOptions,
    pub(crate) payload: Bytes,
    pub(crate) properties: BasicProperties,
}

pub(crate) type Outcome = Result<Confirmation, Failure>;

/// What is told of a message on its way.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// Resolves when it is written to the connection; its sender is dropped when that fails.
    pub(crate) written: oneshot::Receiver<()>,
    /// Resolves when it is settled.
    pub(crate) outcome: oneshot::Receiver<Outcome>,
}

enum Command {
    Publish(Job),
    Settled(oneshot::Sender<Vec<BasicReturnMessage>>),
}

pub(super) struct Job {
    pub(super) message: Arc<Message>,
    pub(super) written: oneshot::Sender<()>,
    pub(super) outcome: oneshot::Sender<Outcome>,
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// Hands messages to the task that publishes them. The task ends when this is dropped and everything in flight is settled.
#[derive(Debug)]
pub(crate) struct Publisher {
    commands: mpsc::UnboundedSender<Command>,
}

impl Publisher {
    pub(crate) fn start(channel: lapin::Channel, tally: Arc<Tally>) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        tokio::spawn(run(Arc::new(channel), received, Flight::new(tally)));
        Self { commands }
    }

    /// Takes the message's place in the order of calls. `slot` is given back when the message is settled.
    pub(crate) fn publish(&self, message: Message, slot: Option<OwnedSemaphorePermit>) -> Ticket {
        let (written, on_written) = oneshot::channel();
        let (outcome, on_outcome) = oneshot::channel();
        let job = Job { message: Arc::new(message), written, outcome, slot };
        // With the runtime shutting down nobody receives it; then the ticket's senders are dropped, which says so.
        let _ = self.commands.send(Command::Publish(job));
        Ticket { written: on_written, outcome: on_outcome }
    }

    /// Waits until nothing is in flight; gives the returned messages whose outcome nobody waited for.
    pub(crate) async fn settled(&self) -> Vec<BasicReturnMessage> {
        let (reply, settled) = oneshot::channel();
        let _ = self.commands.send(Command::Settled(reply));
        settled.await.unwrap_or_default()
    }
}

async fn run(
    channel: Arc<lapin::Channel>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    mut flight: Flight,
) {
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Publish(job)) => flight.publish(Arc::clone(&channel), job),
                Some(Command::Settled(reply)) => waiting.push(reply),
                None => break,
            },
            done = flight.done(), if !flight.is_empty() => flight.settle(done),
        }
        if flight.is_empty() {
            for reply in waiting.drain(..) {
                let _ = reply.send(std::mem::take(&mut flight.unclaimed));
            }
        }
    }
    while !flight.is_empty() {
        let done = flight.done().await;
        flight.settle(done);
    }
}
