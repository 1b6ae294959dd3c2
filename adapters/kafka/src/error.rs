//! What can fail, and whether a retry can help.

mod client;
mod code;
mod link;

pub use client::{Canceled, CreateError, OpenFailure, RecvError, SendError};
pub use code::transience;
pub use link::{SettleError, SinkError, SourceError};

fn limit_text(limit: Option<usize>) -> String {
    match limit {
        Some(limit) => format!("the limit is {limit} (message.max.bytes)"),
        None => "that is over the client's, the broker's or the topic's limit".to_owned(),
    }
}

#[cfg(test)]
mod tests;
