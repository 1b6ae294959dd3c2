use m2m_engine::error::{Classify, Transience};
use m2m_engine::{Config, Engine, Inbound};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{OwnedMessage, Timestamp};
use rdkafka::producer::FutureProducer;

use super::*;

fn of(code: Code) -> Transience {
    transience(&KafkaError::MessageProduction(code))
}

#[test]
fn what_a_retry_cannot_help_is_permanent() {
    for code in [
        Code::MessageSizeTooLarge,
        Code::UnknownTopic,
        Code::UnknownTopicOrPartition,
        Code::UnknownPartition,
        Code::InvalidTopic,
        Code::TopicAuthorizationFailed,
        Code::GroupAuthorizationFailed,
        Code::SaslAuthenticationFailed,
        Code::InvalidTimestamp,
        Code::Fatal,
        Code::FencedInstanceId,
    ] {
        assert_eq!(of(code), Transience::Permanent, "{code:?}");
    }
}

#[test]
fn everything_else_is_transient() {
    for code in [
        Code::BrokerTransportFailure,
        Code::AllBrokersDown,
        Code::MessageTimedOut,
        Code::QueueFull,
        Code::NotLeaderForPartition,
        Code::RequestTimedOut,
        Code::RebalanceInProgress,
        Code::IllegalGeneration,
        Code::PurgeInflight,
        Code::Unknown,
    ] {
        assert_eq!(of(code), Transience::Transient, "{code:?}");
    }
    assert_eq!(transience(&KafkaError::Canceled), Transience::Transient);
    assert_eq!(transience(&KafkaError::PartitionEOF(3)), Transience::Transient);
}

#[test]
fn a_fatal_error_ends_a_producer_and_not_a_sink() {
    let fatal = || KafkaError::MessageProduction(Code::Fatal);
    assert_eq!(SendError::new(fatal(), 1, None).transience(), Transience::Permanent);
    let error = SinkError::new(fatal(), 1, None);
    assert!(matches!(error, SinkError::Fatal(_)));
    assert_eq!(error.transience(), Transience::Transient);
}

#[test]
fn too_large_says_how_large() {
    let error = KafkaError::MessageProduction(Code::MessageSizeTooLarge);
    let error = SendError::new(error, 2000, Some(1000));
    assert!(matches!(error, SendError::TooLarge { len: 2000, limit: Some(1000) }));
    assert_eq!(error.transience(), Transience::Permanent);
    assert_eq!(error.rdkafka_error_code(), Some(Code::MessageSizeTooLarge));
    assert_eq!(
        error.to_string(),
        "the message has 2000 bytes on the wire; the limit is 1000 (message.max.bytes)"
    );
}

#[test]
fn a_refused_property_is_named_and_its_value_is_not() {
    for property in ["acks", "security.protocol", "linger.ms"] {
        let created = ClientConfig::new().set(property, "hunter2").create::<FutureProducer>();
        let Err(error) = created else { panic!("librdkafka takes it") };
        let error = CreateError::from(error);
        let text = format!("{error} {error:?}");
        assert!(text.contains(property), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(error.transience(), Transience::Permanent);
    }
}

#[test]
fn an_open_failure_shows_where_and_why_and_not_what() {
    let engine = Engine::new(Config::default()).unwrap();
    let payload = b"#M2M|1|hunter2".to_vec();
    let source = engine.open(&payload, &Inbound::default()).unwrap_err();
    let key = Some(b"hunter2".to_vec());
    let topic = "chat".to_owned();
    let message = OwnedMessage::new(Some(payload), key, topic, Timestamp::NotAvailable, 3, 7, None);
    let error = RecvError::Open(Box::new(OpenFailure { message, source }));
    let text = format!("{error} {error:?}");
    assert!(text.contains("chat/3/7"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!text.contains("104, 117, 110"), "{text}");
    let cause = std::error::Error::source(&error).unwrap();
    assert!(cause.is::<m2m_engine::OpenError>(), "{cause:?}");
    assert_eq!(error.transience(), Transience::Permanent);
}
