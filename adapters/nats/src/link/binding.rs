//! Finds the durable consumer, or creates it.

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::jetstream::{Context, ErrorCode};

use super::stream_source::StreamSourceConfig;
use crate::error::SourceError;

/// The consumer, and whether it is new; `resume` is the sequence that was reached with one that may have vanished since.
pub(super) async fn bind(
    context: &Context,
    config: &StreamSourceConfig,
    resume: Option<u64>,
) -> Result<(PullConsumer, bool), SourceError> {
    let (stream, durable) = (&config.stream, &config.durable);
    let error = match context.get_consumer_from_stream(durable, stream).await {
        Ok(consumer) => return Ok((fit(consumer, config)?, false)),
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
    let mut wanted = wanted(config);
    if let Some(reached) = resume {
        wanted.deliver_policy = again(context, config, reached).await;
    }
    tracing::info!(stream, durable, policy = ?wanted.deliver_policy, "creating the consumer");
    let created = context.create_consumer_strict_on_stream(wanted, stream).await;
    match created {
        Ok(consumer) => Ok((consumer, true)),
        Err(source) => {
            let (stream, durable) = (stream.clone(), durable.clone());
            Err(SourceError::Create { stream, durable, source })
        }
    }
}

/// Where a consumer begins that takes the place of one that has vanished: so that nothing is lost, even if it comes again.
async fn again(context: &Context, config: &StreamSourceConfig, reached: u64) -> DeliverPolicy {
    match config.deliver_policy {
        // Read as configured, all that came since the old one vanished would be skipped.
        DeliverPolicy::New | DeliverPolicy::Last | DeliverPolicy::LastPerSubject => {
            let stream = context.get_stream(&config.stream).await;
            let last = stream.map(|stream| stream.cached_info().state.last_sequence);
            // A stream that ends before is another one of the same name.
            if last.is_ok_and(|last| last.saturating_add(1) < reached) {
                DeliverPolicy::All
            } else {
                DeliverPolicy::ByStartSequence { start_sequence: reached }
            }
        }
        policy @ (DeliverPolicy::All
        | DeliverPolicy::ByStartSequence { .. }
        | DeliverPolicy::ByStartTime { .. }) => policy,
    }
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
