//! Finds the durable consumer, or creates it.

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::jetstream::{Context, ErrorCode};

use super::stream_source::StreamSourceConfig;
use crate::error::SourceError;

pub(super) async fn bind(
    context: &Context,
    config: &StreamSourceConfig,
) -> Result<PullConsumer, SourceError> {
    let (stream, durable) = (&config.stream, &config.durable);
    let error = match context.get_consumer_from_stream(durable, stream).await {
        Ok(consumer) => return fit(consumer, config),
        Err(error) => error,
    };
    match error.kind() {
        ConsumerErrorKind::JetStream(answer)
            if answer.error_code() == ErrorCode::CONSUMER_NOT_FOUND => {}
        ConsumerErrorKind::JetStream(answer)
            if answer.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            return Err(SourceError::NoStream { stream: stream.clone() });
        }
        ConsumerErrorKind::InvalidConsumerType => {
            return Err(unfit(durable, "is a push consumer".to_owned()));
        }
        _ => {
            let (stream, durable) = (stream.clone(), durable.clone());
            return Err(SourceError::Find { stream, durable, source: error });
        }
    }
    tracing::info!(stream, durable, "creating the consumer");
    let created = context.create_consumer_strict_on_stream(wanted(config), stream).await;
    created.map_err(|source| SourceError::Create {
        stream: stream.clone(),
        durable: durable.clone(),
        source,
    })
}

fn wanted(config: &StreamSourceConfig) -> pull::Config {
    let mut wanted = pull::Config {
        durable_name: Some(config.durable.clone()),
        deliver_policy: config.deliver_policy,
        ack_policy: AckPolicy::Explicit,
        ack_wait: config.ack_wait,
        max_ack_pending: i64::try_from(config.max_in_flight.max(1)).unwrap_or(i64::MAX),
        ..pull::Config::default()
    };
    match config.filter_subjects.as_slice() {
        // Servers before 2.10 know only this one.
        [subject] => wanted.filter_subject = subject.clone(),
        subjects => wanted.filter_subjects = subjects.to_vec(),
    }
    wanted
}

/// Whether messages of this consumer can be relayed without loss.
fn fit(consumer: PullConsumer, config: &StreamSourceConfig) -> Result<PullConsumer, SourceError> {
    let durable = &config.durable;
    let found = &consumer.cached_info().config;
    if found.ack_policy != AckPolicy::Explicit {
        let policy = found.ack_policy;
        let reason = format!("acknowledges by the policy {policy:?}; Explicit is needed");
        return Err(unfit(durable, reason));
    }
    if found.headers_only {
        return Err(unfit(durable, "delivers headers only".to_owned()));
    }
    let mut subjects = found.filter_subjects.clone();
    if !found.filter_subject.is_empty() {
        subjects.push(found.filter_subject.clone());
    }
    let mut wanted = config.filter_subjects.clone();
    subjects.sort_unstable();
    wanted.sort_unstable();
    if !wanted.is_empty() && wanted != subjects {
        return Err(unfit(durable, format!("filters {subjects:?}, not {wanted:?}")));
    }
    if found.max_deliver > 0 {
        let max_deliver = found.max_deliver;
        tracing::warn!(durable, max_deliver, "messages are given up after so many deliveries");
    }
    Ok(consumer)
}

fn unfit(durable: &str, reason: String) -> SourceError {
    SourceError::Unfit { durable: durable.to_owned(), reason }
}
