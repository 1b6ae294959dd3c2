use std::error::Error;

use bytes::Bytes;
use m2m_engine::bus::headers::{self, Header};
use m2m_engine::bus::{Address, Envelope, Properties};
use m2m_engine::error::{Classify, Transience};
use m2m_engine::{Config, Framing, Limits, OpenError};

use super::*;
use crate::BusConfig;
use crate::error::{PublishError, Refused};

fn client(bus: &Bus, framing: Framing) -> Client {
    let config = Config {
        framing,
        limits: Limits { inflated: 1 << 16, ..Limits::default() },
        ..Config::default()
    };
    Client::new(bus.clone(), Arc::new(Engine::new(config).unwrap()))
}

fn long() -> String {
    format!(r#"{{"model":"gpt-4o","messages":[],"text":"{}"}}"#, "again ".repeat(200))
}

fn envelope(subject: &str, payload: impl Into<Bytes>) -> Envelope {
    Envelope {
        address: Address { name: subject.to_owned(), exchange: String::new() },
        payload: Some(payload.into()),
        ..Envelope::default()
    }
}

#[tokio::test]
async fn payloads_are_framed_on_the_bus_and_opened_behind_it() {
    let bus = Bus::default();
    let client = client(&bus, Framing::Auto);
    let mut raw = bus.subscribe("a").unwrap();
    let mut opened = client.subscribe("a").unwrap();
    let headers = vec![Header::text("x-tenant", "one")];
    client.publish_with_headers("a", headers.clone(), long()).await.unwrap();
    let on_the_bus = raw.recv().await.unwrap().envelope;
    assert!(on_the_bus.payload.unwrap().len() < long().len());
    assert_eq!(on_the_bus.properties.content_encoding.as_deref(), Some("m2m"));
    let message = opened.recv().await.unwrap().unwrap();
    let identity = message.envelope.identity.clone();
    assert_eq!(message.envelope, Envelope { headers, identity, ..envelope("a", long()) });
    message.ack().unwrap();
}

#[tokio::test]
async fn errors_give_back_what_was_to_be_sent() {
    let bus = Bus::new(BusConfig { max_payload: 2000, ..BusConfig::default() });
    let client = client(&bus, Framing::Always);
    let too_long_for_the_engine = envelope("a", vec![b' '; 1 << 17]);
    let error = client.publish_envelope(too_long_for_the_engine.clone()).await.unwrap_err();
    assert!(matches!(error, PublishError::Wrap { .. }), "{error:?}");
    assert_eq!(error.into_envelope(), too_long_for_the_engine);

    // Framed is smaller, and only that counts; here it is no smaller, and the subject is wrong.
    let shrinks = envelope("a", long().repeat(2));
    assert!(client.publish_envelope(shrinks).await.is_ok());
    let mut refused = envelope("a.*", long());
    refused.properties.content_encoding = Some("gzip".to_owned());
    let error = client.publish_envelope(refused.clone()).await.unwrap_err();
    assert!(matches!(error, PublishError::Refused { source: Refused::Subject { .. }, .. }));
    assert_eq!(error.transience(), Transience::Permanent);
    assert_eq!(error.into_envelope(), refused);
}

#[tokio::test]
async fn a_message_that_cannot_be_opened_is_carried_by_its_error() {
    let bus = Bus::default();
    let client = client(&bus, Framing::Auto);
    let mut consumer = client.queue_subscribe("a", "g").unwrap();
    let mut dead = bus.subscribe("dead").unwrap();
    let bad = envelope("a", "#M2M|1|nonsense");
    bus.publish(bad.clone()).await.unwrap();
    let failure = consumer.recv().await.unwrap().unwrap_err();
    assert!(failure.source().unwrap().is::<OpenError>());
    assert!(!failure.to_string().contains("nonsense"));
    let mut again = failure.message.envelope.clone();
    again.address.name = "dead".to_owned();
    bus.publish(again).await.unwrap();
    failure.message.ack().unwrap();
    assert_eq!(bus.depth("a", "g"), Some(0));
    assert_eq!(dead.recv().await.unwrap().envelope.payload, bad.payload);
}

#[tokio::test]
async fn a_reply_is_framed_only_for_who_can_read_it() {
    let bus = Bus::default();
    let requester = client(&bus, Framing::Auto);
    let responder = client(&bus, Framing::Auto);
    let mut requests = responder.subscribe("requests").unwrap();
    let mut replies = bus.subscribe("replies.*").unwrap();
    let request = |reply_to: &str| Envelope {
        properties: Properties { reply_to: Some(reply_to.to_owned()), ..Properties::default() },
        ..envelope("requests", "short")
    };
    // A bare client asks, then one of ours, then a bare one that sends a null.
    bus.publish(request("replies.bare")).await.unwrap();
    requester.publish_envelope(request("replies.ours")).await.unwrap();
    let null = Envelope { payload: None, ..request("replies.null") };
    bus.publish(null).await.unwrap();
    for (reply_to, framed) in
        [("replies.bare", false), ("replies.ours", true), ("replies.null", false)]
    {
        let asked = requests.recv().await.unwrap().unwrap();
        let envelope = &asked.envelope;
        assert_eq!(envelope.properties.reply_to.as_deref(), Some(reply_to));
        assert_eq!(envelope.header(headers::ACCEPT), framed.then_some("1"));
        responder.publish(reply_to, long()).await.unwrap();
        let reply = replies.recv().await.unwrap();
        assert_eq!(reply.envelope.payload != Some(long().into()), framed, "{reply_to}");
        asked.ack().unwrap();
    }
}
