//! rdkafka's errors, sorted.

use m2m_engine::error::Transience;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Whether a retry can help against an error of rdkafka's own. Codes that are not known count as transient.
#[must_use]
pub fn transience(error: &KafkaError) -> Transience {
    let permanent = match error {
        KafkaError::Nul(_) | KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => true,
        KafkaError::Transaction(error) => !error.is_retriable(),
        error => error.rdkafka_error_code().is_some_and(is_permanent),
    };
    if permanent { Transience::Permanent } else { Transience::Transient }
}

/// The codes after which the message, the permission, the configuration or the client has to change first.
fn is_permanent(code: Code) -> bool {
    // A new topic's unknown first seconds are waited for by librdkafka (topic.metadata.propagation.max.ms, 30 s).
    let topic = matches!(
        code,
        Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::InvalidTopic
            | Code::AutoOffsetReset
    );
    let message = matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::MessageBatchTooLarge
            | Code::InvalidTimestamp
            | Code::InvalidRecord
            | Code::UnsupportedForMessageFormat
            | Code::PolicyViolation
    );
    let permission = matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::DelegationTokenAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::Authentication
            | Code::SecurityDisabled
    );
    let configuration = matches!(
        code,
        Code::InvalidArgument
            | Code::InvalidConfig
            | Code::InvalidRequiredAcks
            | Code::InvalidGroupId
            | Code::InvalidSessionTimeout
            | Code::InvalidTransactionTimeout
            | Code::InconsistentGroupProtocol
            | Code::NotConfigured
            | Code::NotImplemented
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion
            | Code::UnsupportedCompressionType
            | Code::UnsupportedSASLMechanism
    );
    let client =
        matches!(code, Code::Fatal | Code::Fenced | Code::FencedInstanceId | Code::ProducerFenced);
    topic || message || permission || configuration || client
}
