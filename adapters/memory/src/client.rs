//! The client: the bus with an engine before it.

use std::sync::Arc;

use m2m_engine::Engine;
use m2m_engine::bus::Replies;

use crate::error::SubscribeError;
use crate::{Bus, Consumer};

/// How many reply addresses are remembered: each at most some minutes old on a busy bus, and then forgotten.
const REPLIES: usize = 4096;

/// Publishes and subscribes on a [`Bus`]: payloads are framed on their way out and opened on their way in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) bus: Bus,
    pub(crate) engine: Arc<Engine>,
    pub(crate) replies: Arc<Replies>,
}

impl Client {
    /// A client of `bus` that frames with `engine`.
    #[must_use]
    pub fn new(bus: Bus, engine: Arc<Engine>) -> Self {
        Self { bus, engine, replies: Arc::new(Replies::new(REPLIES)) }
    }

    /// The bus itself, which frames nothing.
    #[must_use]
    pub fn inner(&self) -> &Bus {
        &self.bus
    }

    /// What frames.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// [`Bus::subscribe`], opened.
    ///
    /// # Errors
    /// When the subject cannot be, or the bus is closed.
    pub fn subscribe(&self, subject: &str) -> Result<Consumer, SubscribeError> {
        Ok(self.consumer(self.bus.subscribe(subject)?))
    }

    /// [`Bus::queue_subscribe`], opened.
    ///
    /// # Errors
    /// When the subject cannot be, or the bus is closed.
    pub fn queue_subscribe(&self, subject: &str, group: &str) -> Result<Consumer, SubscribeError> {
        Ok(self.consumer(self.bus.queue_subscribe(subject, group)?))
    }
}

#[cfg(test)]
mod tests;
