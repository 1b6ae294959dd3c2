//! What was counted: every number of the table and of the end.

/// What one producer has done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Produced {
    pub(crate) name: String,
    pub(crate) model: String,
    /// Messages that the bus took.
    pub(crate) sent: usize,
    /// Messages seen on the bus.
    pub(crate) seen: usize,
    /// Of these, how many were frames.
    pub(crate) framed: usize,
    /// Of these, how many carried the scanner's verdict.
    pub(crate) flagged: usize,
    /// Their bytes before they were wrapped.
    pub(crate) raw: usize,
    /// Their bytes as the bus carried them.
    pub(crate) wire: usize,
    /// Messages that a scanner's policy refused.
    pub(crate) blocked: usize,
    /// Messages refused because they are longer than the size limit.
    pub(crate) too_long: usize,
}

/// What has arrived at one destination.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrived {
    pub(crate) name: String,
    /// The route's condition, as the bridge was told it.
    pub(crate) condition: String,
    /// Messages that came, each counted once.
    pub(crate) arrived: usize,
    /// Of these, how many came byte for byte as they were sent, to the destination where they belong.
    pub(crate) verified: usize,
    /// Deliveries of a message that had come before.
    pub(crate) again: usize,
    /// Bytes of these messages, as the bus carried them.
    pub(crate) wire: usize,
}

/// What went wrong, in words, with how often it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Bytes differ from those sent.
    pub(crate) altered: usize,
    /// Came to another destination than the route's condition says.
    pub(crate) misrouted: usize,
    /// Came without a number of ours, or could not be opened.
    pub(crate) unknown: usize,
    /// Could not be sent, for another reason than that the engine refused it.
    pub(crate) unsent: usize,
    /// What the first of these met.
    pub(crate) first_error: Option<String>,
}

/// All figures at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) producers: Vec<Produced>,
    pub(crate) destinations: Vec<Arrived>,
    pub(crate) faults: Faults,
    /// Messages that all producers together mean to send.
    pub(crate) planned: usize,
}

impl Figures {
    /// Everything that was sent has come, and was seen on the bus.
    pub(crate) fn settled(&self) -> bool {
        let attempts = self.sent() + self.refused() + self.faults.unsent;
        attempts == self.planned && self.arrived() == self.sent() && self.seen() == self.sent()
    }

    pub(crate) fn sent(&self) -> usize {
        self.producers.iter().map(|producer| producer.sent).sum()
    }

    pub(crate) fn seen(&self) -> usize {
        self.producers.iter().map(|producer| producer.seen).sum()
    }

    /// What the engine refused to wrap, for either reason.
    pub(crate) fn refused(&self) -> usize {
        self.producers.iter().map(|producer| producer.blocked + producer.too_long).sum()
    }

    pub(crate) fn arrived(&self) -> usize {
        self.destinations.iter().map(|destination| destination.arrived).sum()
    }

    pub(crate) fn verified(&self) -> usize {
        self.destinations.iter().map(|destination| destination.verified).sum()
    }

    pub(crate) fn again(&self) -> usize {
        self.destinations.iter().map(|destination| destination.again).sum()
    }
}
