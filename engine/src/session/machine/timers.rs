//! What a session does when nothing comes.

use std::time::Instant;

use super::{End, Machine, Moment, State};
use crate::session::keys::Role;
use crate::session::message::Body;
use crate::session::settings::Timeouts;
use crate::session::state::Kind;

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// This is to be sent to the peer, and then to be asked again.
    Send(Vec<u8>),
    /// Nothing before this moment, unless a message comes.
    At(Instant),
    /// Nothing, ever.
    Never,
}

#[derive(Debug)]
pub(super) struct Timers {
    /// When the session came into its state.
    entered: Instant,
    /// When the last message of the peer's came.
    heard: Instant,
    /// When the last message went or came.
    active: Instant,
    /// When the peer was last asked: by HELLO, by PING.
    asked: Instant,
    /// How often, since it was heard.
    times: u32,
    /// Whether the peer has said anything in the state.
    confirmed: bool,
}

impl Timers {
    pub(super) fn new(now: Instant) -> Self {
        Self { entered: now, heard: now, active: now, asked: now, times: 0, confirmed: false }
    }

    pub(super) fn enter(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    pub(super) fn heard(&mut self, now: Instant) {
        (self.heard, self.active, self.times, self.confirmed) = (now, now, 0, true);
    }

    pub(super) fn spoke(&mut self, now: Instant) {
        self.active = now;
    }
}

impl Machine {
    /// What is due now. To be asked after every message and when the moment has come.
    pub fn poll(&mut self, now: Moment) -> Due {
        match self.state {
            State::Initial | State::Closed => Due::Never,
            State::HelloSent => self.poll_hello(now),
            State::Established => self.poll_established(now),
            State::Closing => {
                let until = self.timers.entered + self.settings.timeouts.close;
                self.at_end(until, now, End::Closed)
            }
        }
    }

    fn poll_hello(&mut self, now: Moment) -> Due {
        let Timeouts { handshake, hello_again, .. } = self.settings.timeouts;
        let (until, again) = (self.timers.entered + handshake, self.timers.asked + hello_again);
        if now.instant >= until {
            return self.at_end(until, now, End::NoAnswer { unproven: self.unproven });
        }
        if now.instant >= again {
            self.timers.asked = now.instant;
            return Due::Send(self.handshake.clone());
        }
        Due::At(again.min(until))
    }

    fn poll_established(&mut self, now: Moment) -> Due {
        let Timeouts { handshake, hello_again, idle, keep_alive, .. } = self.settings.timeouts;
        let idle = self.timers.active + idle;
        if now.instant >= idle {
            return self.leave(End::Idle, now);
        }
        let doubtful = self.is_doubtful();
        let until = self.timers.entered + handshake;
        if doubtful && now.instant >= until {
            return self.leave(End::NoAnswer { unproven: false }, now);
        }
        let every = if doubtful { Some(hello_again) } else { keep_alive };
        let Some(every) = every else { return Due::At(idle) };
        let ask = self.timers.heard.max(self.timers.asked) + every;
        if now.instant < ask {
            return Due::At(if doubtful { ask.min(until) } else { ask }.min(idle));
        }
        let pings = self.timers.times;
        if !doubtful && pings >= self.settings.limits.missed_pongs {
            return self.leave(End::PeerGone { pings }, now);
        }
        self.timers.asked = now.instant;
        self.timers.times = pings.saturating_add(1);
        // Asking is no sign of life.
        let active = self.timers.active;
        let ping = self.marked(Kind::Ping, Body::Ping, now);
        self.timers.active = active;
        Due::Send(ping)
    }

    /// Whoever answered a HELLO does not know yet whether its sender holds the key that is in it.
    pub(super) fn is_doubtful(&self) -> bool {
        self.is_encrypted() && !self.timers.confirmed && self.role == Role::Responder
    }

    fn leave(&mut self, end: End, now: Moment) -> Due {
        self.abort(end, now).map_or(Due::Never, Due::Send)
    }

    fn at_end(&mut self, until: Instant, now: Moment, end: End) -> Due {
        if now.instant < until {
            return Due::At(until);
        }
        self.over(end);
        Due::Never
    }
}
