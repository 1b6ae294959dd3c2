//! The bridge on real brokers.

mod bridge;
mod credentials;
mod mapping;
mod messages;
mod order;
mod pairs;
mod place;
mod process;
mod restart;
mod routing;
mod secured;
