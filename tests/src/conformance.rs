//! One conformance suite for all adapters: what each of them must do, whatever its broker.
//!
//! A check is a generic function over [`Fixture`]; a broker takes part by implementing that, and by one line that makes a
//! `#[tokio::test]` of each check:
//!
//! ```text
//! // tests/tests/brokers/conformance/kafka.rs
//! struct Topic { … }
//! impl m2m_tests::conformance::Fixture for Topic { … }
//! m2m_tests::conformance!(Topic);
//! ```
//!
//! The tests are then named `conformance::kafka::redelivery_after_nack` and so on. `memory.rs` in the same folder is the
//! example to follow. What [`Fixture`] asks for is written at its items; in short:
//! - each fixture is a destination of its own (stream, topic, queue) on the shared broker, in which order is kept throughout:
//!   one partition, one queue;
//! - [`Fixture::source`] always attaches to the same durable group, so that a second source goes on where the first one ended;
//! - redelivery is to be set up as quick as the broker allows: an acknowledgement wait, nack delay or session time-out of about a
//!   second;
//! - the wrapped and the bare client are put into one small shape ([`Producer`], [`Consumer`]), which only translates.
//!
//! Nothing is skipped: where [`Fixture`] or the link's `Capabilities` say that a broker cannot do a thing, the check asserts that
//! it really does not.

mod addresses;
mod envelopes;
mod fixture;
mod inbox;
mod keys;
mod order;
mod payloads;
mod redelivery;
mod replays;
mod rings;
mod screening;
mod secured;
mod shutdown;
mod size;
mod stale;
mod unopenable;
mod wrapped;

pub use addresses::{confirmations_tell_the_truth, unicode_names};
pub use envelopes::{
    folded_envelopes_take_native_places, foreign_envelopes_survive,
    native_envelopes_survive_exactly,
};
pub use fixture::{Arrival, Consumer, Fixture, Note, Producer, Rejected, causes};
pub use keys::{tombstones_stay_null, unicode_keys};
pub use order::{order_is_kept_with_many_sends_in_flight, recv_is_cancel_safe};
pub use redelivery::{redelivery_after_crash, redelivery_after_nack};
pub use replays::{a_redelivery_is_no_replay, a_replay_is_dropped_and_counted};
pub use screening::{
    blocked_messages_are_refused, flagged_messages_say_so,
    incoming_messages_are_screened_where_asked,
};
pub use secured::{
    a_captured_frame_opens_only_where_it_was_sent, every_payload_kind_round_trips_secured,
    keys_are_replaced_under_way, nothing_weaker_than_required_is_taken_in, tombstones_need_a_stamp,
};
pub use shutdown::{closing_the_sink_loses_nothing, closing_the_source_loses_nothing};
pub use size::large_messages;
pub use stale::headers_of_the_engine_are_its_own;
pub use unopenable::unopenable_messages_arrive_as_errors;
pub use wrapped::{
    content_encoding_is_marked_and_removed, every_payload_kind_round_trips, framing_can_be_off,
    headers_survive_both_ways, plain_and_framed_traffic_mixes,
};

/// Makes a test of each check for the fixture given, in the module that it is called in.
#[macro_export]
macro_rules! conformance {
    ($fixture:ty) => {
        $crate::conformance!(@tests $fixture:
            every_payload_kind_round_trips,
            framing_can_be_off,
            plain_and_framed_traffic_mixes,
            headers_survive_both_ways,
            content_encoding_is_marked_and_removed,
            headers_of_the_engine_are_its_own,
            flagged_messages_say_so,
            blocked_messages_are_refused,
            incoming_messages_are_screened_where_asked,
            every_payload_kind_round_trips_secured,
            nothing_weaker_than_required_is_taken_in,
            keys_are_replaced_under_way,
            a_captured_frame_opens_only_where_it_was_sent,
            tombstones_need_a_stamp,
            a_replay_is_dropped_and_counted,
            a_redelivery_is_no_replay,
            unopenable_messages_arrive_as_errors,
            large_messages,
            redelivery_after_nack,
            redelivery_after_crash,
            order_is_kept_with_many_sends_in_flight,
            recv_is_cancel_safe,
            closing_the_sink_loses_nothing,
            closing_the_source_loses_nothing,
            native_envelopes_survive_exactly,
            foreign_envelopes_survive,
            folded_envelopes_take_native_places,
            tombstones_stay_null,
            unicode_keys,
            unicode_names,
            confirmations_tell_the_truth,
        );
    };
    (@tests $fixture:ty: $($check:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() -> anyhow::Result<()> {
                $crate::conformance::$check::<$fixture>().await
            }
        )*
    };
}
