//! All sessions of one agent: which of them a message is for, what is to be sent, and when something is due. Nothing is sent from here.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::error::{End, SessionError};
use super::handshake::{self, HelloDigest};
use super::machine::{Due, Machine, Moment, Received};
use super::message::{Message, MessageError, RejectionCode};
use super::rate::Rate;
use super::seed::Seed;
use super::settings::Settings;
use super::state::{Kind, State};
use crate::bus::Address;
use crate::flow::Engine;

/// One of an agent's sessions, from before its id is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u64);

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The session it belongs to; `None` where it belongs to none, as a REJECT.
    pub handle: Option<Handle>,
    /// Where to.
    pub to: Address,
    /// What the answer to it is known by, or what it answers: the same for all messages of a session.
    pub correlation: String,
    /// The message.
    pub message: Vec<u8>,
}

/// What came with a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Incoming<'a> {
    /// Where its sender awaits answers.
    pub reply_to: Option<&'a str>,
    /// What it answers, or its answer is to bear.
    pub correlation: Option<&'a str>,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Send this.
    Send(Outgoing),
    /// A session is established, and the peer has shown that it holds its key, where there are keys.
    Opened(Handle),
    /// A payload came.
    Payload(Handle, Vec<u8>),
    /// A session is over, and its handle is worth nothing any more.
    Ended(Handle, End),
    /// Nothing before this moment, unless a message comes; `None`: ever.
    Wait(Option<Instant>),
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    to: Address,
    correlation: String,
    /// The HELLO that it answered.
    answered: Option<HelloDigest>,
    due: Option<Instant>,
    /// Whether the application knows of it.
    opened: bool,
}

/// The sessions of one agent.
#[derive(Debug)]
pub struct Driver {
    settings: Arc<Settings>,
    engine: Arc<Engine>,
    entries: HashMap<Handle, Entry>,
    by_id: HashMap<String, Handle>,
    /// Those that wait for an answer to their HELLO.
    asking: HashMap<String, Handle>,
    answered: HashMap<HelloDigest, Handle>,
    due: BTreeSet<(Instant, Handle)>,
    actions: VecDeque<Action>,
    hellos: Rate,
    next: u64,
}

impl Driver {
    /// An agent without sessions.
    #[must_use]
    pub fn new(settings: Arc<Settings>, engine: Arc<Engine>) -> Self {
        Self {
            hellos: Rate::new(settings.limits.hellos_per_second),
            settings,
            engine,
            entries: HashMap::new(),
            by_id: HashMap::new(),
            asking: HashMap::new(),
            answered: HashMap::new(),
            due: BTreeSet::new(),
            actions: VecDeque::new(),
            next: 0,
        }
    }

    /// A session that is not over.
    #[must_use]
    pub fn session(&self, handle: Handle) -> Option<&Machine> {
        self.entries.get(&handle).map(|entry| &entry.machine)
    }

    /// The sessions that are not over.
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        self.entries.keys().copied()
    }

    /// Says HELLO to whoever listens at this address.
    ///
    /// # Errors
    /// With as many sessions as there may be.
    pub fn connect(
        &mut self,
        to: Address,
        seed: &Seed,
        now: Moment,
    ) -> Result<Handle, SessionError> {
        if self.is_full() {
            return Err(SessionError::TooMany { limit: self.settings.limits.sessions });
        }
        let mut machine = self.machine(now);
        let message = machine.connect(seed, now)?;
        let correlation = seed.id();
        let handle = self.insert(Entry {
            machine,
            to: to.clone(),
            correlation: correlation.clone(),
            answered: None,
            due: None,
            opened: false,
        });
        self.asking.insert(correlation.clone(), handle);
        self.send_now(Outgoing { handle: Some(handle), to, correlation, message });
        self.settle(handle, now);
        Ok(handle)
    }

    /// A payload as it is to be sent.
    ///
    /// # Errors
    /// As [`Machine::send`].
    pub fn send(
        &mut self,
        handle: Handle,
        payload: &[u8],
        now: Moment,
    ) -> Result<Outgoing, SessionError> {
        let gone = SessionError::Unexpected { kind: Kind::Data, state: State::Closed };
        let entry = self.entries.get_mut(&handle).ok_or(gone)?;
        let message = entry.machine.send(payload, now)?;
        Ok(entry.outgoing(handle, message))
    }

    /// Closes a session in good order, or gives up one that is not established.
    pub fn close(&mut self, handle: Handle, now: Moment) {
        let Some(entry) = self.entries.get_mut(&handle) else { return };
        match entry.machine.close(now) {
            Ok(close) => {
                let close = entry.outgoing(handle, close);
                self.send_now(close);
                self.settle(handle, now);
            }
            Err(_) if entry.machine.state() == State::Closing => {}
            Err(_) => self.abort(handle, End::Closed, now),
        }
    }

    /// Ends a session at once.
    pub fn abort(&mut self, handle: Handle, end: End, now: Moment) {
        let Some(entry) = self.entries.get_mut(&handle) else { return };
        if let Some(close) = entry.machine.abort(end, now) {
            let close = entry.outgoing(handle, close);
            self.send_now(close);
        }
        self.settle(handle, now);
    }

    /// Takes a message. What follows from it comes out of [`Driver::poll`]. HELLO is answered only while the agent is `listening`.
    ///
    /// # Errors
    /// When it is refused.
    pub fn receive(
        &mut self,
        raw: &[u8],
        incoming: Incoming<'_>,
        listening: bool,
        seed: &Seed,
        now: Moment,
    ) -> Result<(), SessionError> {
        let limit = self.settings.limits.message;
        if raw.len() > limit {
            return Err(MessageError::TooLong { len: raw.len(), limit }.into());
        }
        let message = Message::read(raw)?;
        let kind = message.kind();
        let handle = match kind {
            Kind::Hello => {
                let known = self.answered.get(&handshake::digest(raw)).copied();
                let Some(handle) = known else {
                    return self.on_hello(raw, message, incoming, listening, seed, now);
                };
                if !self.hellos.take(now.instant) {
                    let limit = self.settings.limits.hellos_per_second;
                    return Err(SessionError::TooFast { limit });
                }
                Some(handle)
            }
            Kind::Accept | Kind::Reject => self.asked(incoming.correlation),
            Kind::Data | Kind::Ping | Kind::Pong | Kind::Close => {
                let id = message.session_id.as_deref();
                id.and_then(|id| self.by_id.get(id)).copied()
            }
        };
        let Some(handle) = handle else { return Err(SessionError::OtherSession { kind }) };
        self.hand_on(handle, raw, message, seed, now)
    }

    /// What is to be done next. To be asked until it answers [`Action::Wait`].
    pub fn poll(&mut self, now: Moment) -> Action {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return action;
            }
            match self.due.first().copied() {
                Some((due, handle)) if due <= now.instant => self.settle(handle, now),
                first => return Action::Wait(first.map(|(due, _)| due)),
            }
        }
    }

    fn on_hello(
        &mut self,
        raw: &[u8],
        message: Message<'_>,
        incoming: Incoming<'_>,
        listening: bool,
        seed: &Seed,
        now: Moment,
    ) -> Result<(), SessionError> {
        let reply_to = incoming.reply_to.ok_or(SessionError::NoReplyAddress)?;
        let to = Address { name: reply_to.to_owned(), ..Address::default() };
        let correlation = incoming.correlation.unwrap_or_default().to_owned();
        let mut machine = self.machine(now);
        let declined = if !self.hellos.take(now.instant) {
            Some((RejectionCode::RateLimited, "too many offers"))
        } else if !listening {
            Some((RejectionCode::Unknown, "nobody listens"))
        } else if self.is_full() {
            Some((RejectionCode::RateLimited, "too many sessions"))
        } else {
            None
        };
        if let Some((code, words)) = declined {
            let message = machine.decline(raw, code, words, now);
            self.send_now(Outgoing { handle: None, to, correlation, message });
            return Ok(());
        }
        let Received::Answer(answer) = machine.take(raw, message, seed, now)? else {
            return Ok(());
        };
        if machine.state() != State::Established {
            self.send_now(Outgoing { handle: None, to, correlation, message: answer });
            return Ok(());
        }
        let (digest, id) = (handshake::digest(raw), machine.id().to_owned());
        let answered = Some(digest);
        let entry = Entry { machine, to, correlation, answered, due: None, opened: false };
        let handle = self.insert(entry);
        self.answered.insert(digest, handle);
        self.by_id.insert(id, handle);
        self.answer(handle, answer);
        self.open(handle);
        self.settle(handle, now);
        Ok(())
    }

    /// Who waits for this answer: by what it answers, or because nobody else waits for one.
    fn asked(&self, correlation: Option<&str>) -> Option<Handle> {
        match correlation {
            Some(correlation) => self.asking.get(correlation).copied(),
            None if self.asking.len() == 1 => self.asking.values().next().copied(),
            None => None,
        }
    }

    fn hand_on(
        &mut self,
        handle: Handle,
        raw: &[u8],
        message: Message<'_>,
        seed: &Seed,
        now: Moment,
    ) -> Result<(), SessionError> {
        let Some(entry) = self.entries.get_mut(&handle) else { return Ok(()) };
        let before = entry.machine.state();
        let received = entry.machine.take(raw, message, seed, now);
        if before == State::HelloSent && entry.machine.state() == State::Established {
            let id = entry.machine.id().to_owned();
            self.asking.remove(&entry.correlation);
            if self.by_id.contains_key(&id) {
                // Ids are random: a peer that gives one away twice means harm, or has no randomness.
                self.abort(handle, End::NotAgreed { code: RejectionCode::Unknown }, now);
                return Err(SessionError::OtherSession { kind: Kind::Accept });
            }
            self.by_id.insert(id, handle);
            self.confirm(handle, now)?;
        }
        self.open(handle);
        match received {
            Ok(Received::Answer(answer)) => self.answer(handle, answer),
            Ok(Received::Payload(payload)) => {
                self.actions.push_back(Action::Payload(handle, payload));
            }
            Ok(Received::Noted) => {}
            Err(error) => {
                self.settle(handle, now);
                return Err(error);
            }
        }
        self.settle(handle, now);
        Ok(())
    }

    /// Shows the peer at once that this side has the key to its HELLO.
    fn confirm(&mut self, handle: Handle, now: Moment) -> Result<(), SessionError> {
        if let Some(entry) = self.entries.get_mut(&handle)
            && entry.machine.is_encrypted()
        {
            let ping = entry.machine.ping(now)?;
            self.answer(handle, ping);
        }
        Ok(())
    }

    /// Tells the application of a session, once it is known that the peer is there.
    fn open(&mut self, handle: Handle) {
        if let Some(entry) = self.entries.get_mut(&handle)
            && !entry.opened
            && entry.machine.is_confirmed()
        {
            entry.opened = true;
            self.actions.push_back(Action::Opened(handle));
        }
    }

    fn answer(&mut self, handle: Handle, answer: Vec<u8>) {
        if let Some(entry) = self.entries.get(&handle) {
            let answer = entry.outgoing(handle, answer);
            self.send_now(answer);
        }
    }

    /// Does what is due for a session, notes when the next is, and forgets it when it is over.
    fn settle(&mut self, handle: Handle, now: Moment) {
        let Some(entry) = self.entries.get_mut(&handle) else { return };
        let due = loop {
            match entry.machine.poll(now) {
                Due::Send(message) => {
                    self.actions.push_back(Action::Send(entry.outgoing(handle, message)));
                }
                Due::At(due) => break Some(due),
                Due::Never => break None,
            }
        };
        if let Some(old) = entry.due {
            self.due.remove(&(old, handle));
        }
        entry.due = due;
        self.due.extend(due.map(|due| (due, handle)));
        if let Some(end) = entry.machine.end().cloned() {
            self.forget(handle);
            self.actions.push_back(Action::Ended(handle, end));
        }
    }

    fn forget(&mut self, handle: Handle) {
        let Some(entry) = self.entries.remove(&handle) else { return };
        if let Some(due) = entry.due {
            self.due.remove(&(due, handle));
        }
        self.asking.remove(&entry.correlation);
        if let Some(answered) = entry.answered {
            self.answered.remove(&answered);
        }
        if self.by_id.get(entry.machine.id()) == Some(&handle) {
            self.by_id.remove(entry.machine.id());
        }
    }

    fn insert(&mut self, entry: Entry) -> Handle {
        let handle = Handle(self.next);
        self.next = self.next.saturating_add(1);
        self.entries.insert(handle, entry);
        handle
    }

    fn machine(&self, now: Moment) -> Machine {
        Machine::new(Arc::clone(&self.settings), Arc::clone(&self.engine), now)
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.settings.limits.sessions
    }

    fn send_now(&mut self, outgoing: Outgoing) {
        self.actions.push_back(Action::Send(outgoing));
    }
}

impl Entry {
    fn outgoing(&self, handle: Handle, message: Vec<u8>) -> Outgoing {
        let (to, correlation) = (self.to.clone(), self.correlation.clone());
        Outgoing { handle: Some(handle), to, correlation, message }
    }
}

#[cfg(test)]
mod tests;
