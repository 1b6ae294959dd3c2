//! The harness itself: each broker starts, works, keeps its data through stop and kill, and leaves nothing behind.

mod end;
mod kafka;
mod nats;
mod rabbit;
