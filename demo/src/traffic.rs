//! What the agents say: three teams of agents at work and some strangers, written for this demo, or real messages from a folder.

mod conversation;
mod extras;
mod parts;
mod replay;
mod review;
mod strangers;
mod travel;

#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(crate) use replay::replay;

/// One message that an agent publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// What it belongs to; messages of one conversation are to stay in order.
    pub(crate) conversation: String,
    /// Its bytes.
    pub(crate) payload: Bytes,
}

/// How many conversations each team has, several of them at a time.
const CONVERSATIONS: usize = 12;
/// How many of them are open at once.
const AT_ONCE: usize = 4;

/// All that one producer will publish, in order.
pub(crate) struct Script {
    /// Its name in the table.
    pub(crate) name: String,
    /// The model that it talks to, as the table shows it.
    pub(crate) model: String,
    /// How many messages there are.
    pub(crate) len: usize,
    /// The messages.
    pub(crate) messages: Box<dyn Iterator<Item = anyhow::Result<Message>> + Send>,
}

impl Script {
    fn written(name: &str, model: &str, conversations: Vec<Vec<Message>>) -> Self {
        let messages = interleaved(conversations);
        Self {
            name: name.to_owned(),
            model: model.to_owned(),
            len: messages.len(),
            messages: Box::new(messages.into_iter().map(Ok)),
        }
    }
}

/// The teams of this demo; the same messages every time.
pub(crate) fn written() -> Vec<Script> {
    let all =
        |conversation: fn(usize) -> Vec<Message>| (0..CONVERSATIONS).map(conversation).collect();
    vec![
        Script::written("travel desk", travel::MODEL, all(travel::conversation)),
        Script::written("parts warehouse", parts::MODEL, all(parts::conversation)),
        Script::written("code review", review::MODEL, all(review::conversation)),
        Script::written("strangers", strangers::MODEL, vec![strangers::conversation()]),
    ]
}

/// Takes turns between the first few conversations, and begins the next one when one of them ends.
fn interleaved(conversations: Vec<Vec<Message>>) -> Vec<Message> {
    let mut waiting = conversations.into_iter().map(Vec::into_iter);
    let mut open: std::collections::VecDeque<_> = waiting.by_ref().take(AT_ONCE).collect();
    let mut messages = Vec::new();
    while let Some(mut conversation) = open.pop_front() {
        match conversation.next() {
            Some(message) => {
                messages.push(message);
                open.push_back(conversation);
            }
            None => open.extend(waiting.next()),
        }
    }
    messages
}
