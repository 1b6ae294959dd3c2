//! Newtypes over lapin's connection and channel, with its own call names.

mod cancelled;
mod channel;
mod connection;
mod topology;

pub(crate) use cancelled::CancelFlag;
pub use channel::Channel;
pub use connection::Connection;
