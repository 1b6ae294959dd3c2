//! Keeps the server informed of the deliveries here: that they are in work, and that they are done with.

mod book;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::{Client, Request, Subject};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::SettleError;
use book::{Book, Standing};

/// How often it is looked whether the client has connected anew: it does not tell.
const RECONNECT_CHECK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Ledger {
    client: Client,
    /// Held by whoever tells the server of acknowledgements. What is given meanwhile goes with the next who does: one confirmation for all.
    turn: tokio::sync::Mutex<()>,
    in_order: bool,
    ack_timeout: Duration,
    ack_wait: Mutex<Duration>,
    hurried: Notify,
    book: Mutex<Book>,
}

/// Acknowledgements that the server is being told of; those that it does not confirm are told again later.
struct Telling<'a> {
    ledger: &'a Ledger,
    told: Vec<(u64, u64)>,
}

impl Telling<'_> {
    fn confirmed(&self) {
        let mut book = self.ledger.book();
        for (sequence, number) in &self.told {
            book.told(*sequence, *number, true);
        }
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        let mut book = self.ledger.book();
        // Of those that were confirmed nothing is left to be changed.
        for (sequence, number) in &self.told {
            book.told(*sequence, *number, false);
        }
    }
}

impl Ledger {
    pub(super) fn new(
        client: Client,
        in_order: bool,
        ack_wait: Duration,
        ack_timeout: Duration,
    ) -> Self {
        let (ack_wait, book) = (Mutex::new(ack_wait), Mutex::default());
        let (turn, hurried) = (tokio::sync::Mutex::default(), Notify::new());
        Self { client, turn, in_order, ack_timeout, ack_wait, hurried, book }
    }

    /// A delivery came; `None` when the message is not to be handed out (once more).
    pub(super) fn enter(
        self: &Arc<Self>,
        sequence: u64,
        published: i128,
        reply: Subject,
    ) -> Option<Ticket> {
        let number = self.book().enter(sequence, published, reply)?;
        Some(Ticket { sequence, number, ledger: Arc::clone(self) })
    }

    /// As [`Book::reached`].
    pub(super) fn reached(&self) -> Option<u64> {
        self.book().reached()
    }

    /// As [`Book::resume`].
    pub(super) fn resume(&self) -> Option<u64> {
        self.book().resume()
    }

    /// Tells of the consumer that was found: how long it really waits before it delivers again, what it delivered last, and whether it is
    /// new.
    pub(super) fn found(&self, ack_wait: Duration, delivered: u64, new: bool) {
        *self.ack_wait.lock().unwrap_or_else(PoisonError::into_inner) = ack_wait;
        self.book().found(delivered, new);
        self.hurried.notify_waiters();
    }

    /// Tells the server, again and again, what is in work and what it has not confirmed. Does not return.
    pub(super) async fn keep(self: Arc<Self>) {
        tokio::join!(
            async {
                loop {
                    self.a_third().await;
                    let replies = self.book().replies();
                    for reply in replies {
                        // A closed client delivers no more, so there is nothing to be kept up.
                        self.client.publish(reply, AckKind::Progress.into()).await.ok();
                    }
                }
            },
            async {
                loop {
                    self.a_third().await;
                    // What is still not confirmed is told the next time.
                    self.tell_in_turn(self.in_order).await;
                }
            }
        );
    }

    /// A third of the time that the server waits: one report may be late, and one lost.
    async fn a_third(&self) {
        loop {
            let hurried = self.hurried.notified();
            let every = *self.ack_wait.lock().unwrap_or_else(PoisonError::into_inner) / 3;
            tokio::select! {
                () = hurried => {}
                () = tokio::time::sleep(every) => return,
            }
        }
    }

    /// Tells the server of everything given, whatever is in work before it.
    pub(super) async fn tell_all(&self) {
        self.tell_in_turn(false).await;
    }

    async fn tell_in_turn(&self, in_order: bool) {
        let _turn = self.turn.lock().await;
        if let Err(error) = self.tell(in_order).await {
            tracing::debug!(%error, "acknowledgements will be told again");
        }
    }

    /// Tells the server what it is to be told now.
    ///
    /// # Errors
    /// When that is not confirmed.
    async fn tell(&self, in_order: bool) -> Result<(), SettleError> {
        let deadline = Instant::now() + self.ack_timeout;
        loop {
            let connects = self.connects();
            let told = tokio::select! {
                told = self.try_to_tell(in_order) => told,
                // The answer, or part of what was told, has gone with the old connection.
                () = self.another_connection(connects) => Err(SettleError::Unconfirmed),
            };
            if told.is_ok() || self.connects() == connects || Instant::now() >= deadline {
                return told;
            }
        }
    }

    /// The server takes acknowledgements in the order in which a connection brings them, so that confirming the last one confirms
    /// those before it.
    async fn try_to_tell(&self, in_order: bool) -> Result<(), SettleError> {
        let due = self.book().due(in_order);
        let told = due.iter().map(|(sequence, entry)| (*sequence, entry.number)).collect();
        let telling = Telling { ledger: self, told };
        let mut replies = due.into_iter().map(|(_, entry)| entry.reply);
        let Some(last) = replies.next_back() else { return Ok(()) };
        let connects = self.connects();
        for reply in replies {
            // Where it fails, so does the last one.
            self.client.publish(reply, AckKind::Ack.into()).await.ok();
        }
        self.settle(last, AckKind::Ack).await?;
        if self.connects() != connects {
            return Err(SettleError::Unconfirmed);
        }
        telling.confirmed();
        Ok(())
    }

    async fn another_connection(&self, connects: u64) {
        let mut often = tokio::time::interval(RECONNECT_CHECK);
        while self.connects() == connects {
            often.tick().await;
        }
    }

    fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// As the client's own `double_ack`, without a subscription of its own for each answer.
    async fn settle(&self, reply: Subject, kind: AckKind) -> Result<(), SettleError> {
        let request = Request::new().payload(kind.into()).timeout(Some(self.ack_timeout));
        self.client.send_request(reply, request).await.map_err(SettleError::Request)?;
        Ok(())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to settle a delivery; dropped, the message is left to the server, which delivers it again.
#[derive(Debug)]
pub(super) struct Ticket {
    sequence: u64,
    number: u64,
    ledger: Arc<Ledger>,
}

impl Ticket {
    pub(super) async fn ack(self) -> Result<(), SettleError> {
        let (ledger, sequence, number) = (Arc::clone(&self.ledger), self.sequence, self.number);
        let standing = || ledger.book().standing(sequence, number, ledger.in_order);
        ledger.book().give(sequence, number);
        // Given, it is no longer there to be refused.
        drop(self);
        if standing() == Standing::Waiting {
            return Ok(());
        }
        let _turn = ledger.turn.lock().await;
        match standing() {
            // Whoever had the turn before told of this one too.
            Standing::Confirmed => Ok(()),
            Standing::Unconfirmed => Err(SettleError::Unconfirmed),
            Standing::Due | Standing::Waiting => ledger.tell(ledger.in_order).await,
        }
    }

    pub(super) async fn nack(self, delay: Duration) -> Result<(), SettleError> {
        // Refused first: a progress report behind it would put the redelivery off.
        let reply = self.ledger.book().refuse(self.sequence, self.number);
        match reply {
            Some(reply) => self.ledger.settle(reply, AckKind::Nak(Some(delay))).await,
            None => Ok(()),
        }
    }

    /// Leaves the message to the next consumer, at once. That it was told is not waited for.
    pub(super) async fn give_back(self) {
        let reply = self.ledger.book().refuse(self.sequence, self.number);
        if let Some(reply) = reply {
            // Where it fails, the message comes again later.
            self.ledger.client.publish(reply, AckKind::Nak(None).into()).await.ok();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.ledger.book().refuse(self.sequence, self.number);
    }
}
