//! How messages are pulled: the client's own builders, whose messages come opened.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::consumer::{StreamError, pull};

use super::Messages;
use super::messages::Opener;

/// One builder: the methods that it passes on, and what its `messages` yields.
macro_rules! builder {
    (
        $(#[$about:meta])* $name:ident yields $messages:ty, $error:ty;
        $($(#[$says:meta])* $method:ident($argument:ty);)*
    ) => {
        $(#[$about])*
        #[must_use = "a builder does nothing until its messages are asked for"]
        pub struct $name<'a> {
            inner: pull::$name<'a>,
            opener: Opener,
        }

        impl<'a> $name<'a> {
            pub(super) fn new(inner: pull::$name<'a>, opener: Opener) -> Self {
                Self { inner, opener }
            }

            $(
                $(#[$says])*
                pub fn $method(self, value: $argument) -> Self {
                    Self { inner: self.inner.$method(value), opener: self.opener }
                }
            )*

            /// The group of a consumer with priority groups.
            pub fn group<T: Into<String>>(self, group: T) -> Self {
                Self { inner: self.inner.group(group), opener: self.opener }
            }

            /// The messages, opened.
            ///
            /// # Errors
            /// The client's own.
            pub async fn messages(self) -> Result<Messages<$messages>, $error> {
                Ok(Messages::new(self.inner.messages().await?, self.opener))
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

builder! {
    /// Messages without end.
    StreamBuilder yields pull::Stream, StreamError;
    /// At most so many bytes are asked for at a time.
    max_bytes_per_batch(usize);
    /// At most so many messages are asked for at a time.
    max_messages_per_batch(usize);
    /// How often the server says that it is there.
    heartbeat(Duration);
    /// How long one request for messages stands.
    expires(Duration);
    /// Only when at least so many messages are pending.
    min_pending(usize);
    /// Only when at least so many acknowledgements are pending.
    min_ack_pending(usize);
    /// The rank of this consumer among others; 0 comes first.
    priority(usize);
}

builder! {
    /// What is there now.
    FetchBuilder yields pull::Batch, pull::BatchError;
    /// At most so many bytes.
    max_bytes(usize);
    /// At most so many messages.
    max_messages(usize);
    /// How often the server says that it is there.
    heartbeat(Duration);
    /// How long the request stands.
    expires(Duration);
    /// Only when at least so many messages are pending.
    min_pending(usize);
    /// Only when at least so many acknowledgements are pending.
    min_ack_pending(usize);
    /// The rank of this consumer among others; 0 comes first.
    priority(usize);
}

builder! {
    /// A number of messages, waited for.
    BatchBuilder yields pull::Batch, pull::BatchError;
    /// At most so many bytes.
    max_bytes(usize);
    /// At most so many messages.
    max_messages(usize);
    /// How often the server says that it is there.
    heartbeat(Duration);
    /// How long the messages are waited for.
    expires(Duration);
    /// Only when at least so many messages are pending.
    min_pending(usize);
    /// Only when at least so many acknowledgements are pending.
    min_ack_pending(usize);
}
