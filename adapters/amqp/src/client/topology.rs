//! The calls that move no payload: lapin's own, with errors of ours.

use lapin::options::{
    BasicAckOptions, BasicNackOptions, BasicQosOptions, BasicRecoverOptions, BasicRejectOptions,
    ExchangeBindOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, ExchangeUnbindOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{DeliveryTag, FieldTable, MessageCount, ShortString};
use lapin::{ExchangeKind, Queue};

use super::Channel;
use crate::error::ChannelError;

/// One method for each line, that hands its arguments on.
macro_rules! as_lapin {
    ($($name:ident($($arg:ident: $type:ty),*) -> $output:ty;)*) => {
        impl Channel {
            $(
                #[doc = concat!("As [`lapin::Channel::", stringify!($name), "`].")]
                ///
                /// # Errors
                /// When the broker refuses it or cannot be reached.
                pub async fn $name(&self, $($arg: $type),*) -> Result<$output, ChannelError> {
                    Ok(self.inner.$name($($arg),*).await?)
                }
            )*
        }
    };
}

as_lapin! {
    queue_declare(queue: ShortString, options: QueueDeclareOptions, arguments: FieldTable) -> Queue;
    queue_bind(queue: ShortString, exchange: ShortString, routing_key: ShortString, options: QueueBindOptions, arguments: FieldTable) -> ();
    queue_unbind(queue: ShortString, exchange: ShortString, routing_key: ShortString, arguments: FieldTable) -> ();
    queue_purge(queue: ShortString, options: QueuePurgeOptions) -> MessageCount;
    queue_delete(queue: ShortString, options: QueueDeleteOptions) -> MessageCount;
    exchange_declare(exchange: ShortString, kind: ExchangeKind, options: ExchangeDeclareOptions, arguments: FieldTable) -> ();
    exchange_bind(destination: ShortString, source: ShortString, routing_key: ShortString, options: ExchangeBindOptions, arguments: FieldTable) -> ();
    exchange_unbind(destination: ShortString, source: ShortString, routing_key: ShortString, options: ExchangeUnbindOptions, arguments: FieldTable) -> ();
    exchange_delete(exchange: ShortString, options: ExchangeDeleteOptions) -> ();
    basic_qos(prefetch_count: u16, options: BasicQosOptions) -> ();
    basic_ack(delivery_tag: DeliveryTag, options: BasicAckOptions) -> ();
    basic_nack(delivery_tag: DeliveryTag, options: BasicNackOptions) -> ();
    basic_reject(delivery_tag: DeliveryTag, options: BasicRejectOptions) -> ();
    basic_recover(options: BasicRecoverOptions) -> ();
    tx_select() -> ();
    tx_commit() -> ();
    tx_rollback() -> ();
}
