//! Newtypes over lapin's connection and channel, with its own call names.

mod channel;
mod connection;
mod topology;

pub use channel::Channel;
pub use connection::Connection;
