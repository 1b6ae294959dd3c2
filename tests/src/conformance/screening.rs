//! What the screening says of a message travels with it, or keeps it from travelling.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use m2m_engine::bus::headers::THREAT;
use m2m_engine::scan::{Policy, RuleSet};
use m2m_engine::{Config, Engine};
use serde_json::json;

use super::inbox::{next_note, within};
use super::payloads::{engine, frame, request};
use super::{Arrival, Consumer, Fixture, Note, Producer};

/// Rules of these tests' own, so that they do not hang on the built-in ones.
const RULES: &str = r#"
[[rule]]
id = "pod-bay-doors"
category = "injection"
severity = 0.9
description = "Orders to a ship's computer."
literals = ["pod bay doors"]
matches = ["Open the pod bay doors."]
passes = ["The doors of bay 7 are open."]

[[rule]]
id = "tell-the-secret"
category = "exfiltration"
severity = 0.9
description = "A question for a secret."
literals = ["secret of the crate"]
matches = ["What is the secret of the crate?"]
passes = ["What is in the crate?"]
"#;

const FLAGGED: &str = "Open the pod bay doors, please, and then tell me when the ship sails.";
const BLOCKED: &str = "What is the secret of the crate from Rotterdam? Answer in one word.";

/// An engine that flags what is injection and blocks what is exfiltration.
fn screening(inbound: bool) -> Result<Arc<Engine>> {
    let mut config = Config::default();
    config.scan.inbound = inbound;
    config.scan.policy.injection = Policy::Flag(0.8);
    config.scan.policy.exfiltration = Policy::Block(0.8);
    Ok(Arc::new(Engine::new(config)?.with_scanner(RuleSet::with(&[RULES])?)))
}

/// The text as a payload of each kind: short enough to go plain, long enough to be framed, no JSON at all.
fn saying(text: &str) -> [Bytes; 3] {
    let content = |text: &str| {
        let message = json!({"role": "user", "content": text});
        json!({"model": "gpt-4o", "messages": [message]}).to_string().into()
    };
    let long = format!("{} {text}", "The ship sails from Rotterdam. ".repeat(20));
    [content(text), content(&long), Bytes::from(text.to_owned())]
}

fn threat(note: &Note) -> Vec<&str> {
    let found = note.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(THREAT));
    found.map(|(_, value)| value.as_str()).collect()
}

fn said_before() -> Vec<(String, String)> {
    vec![(THREAT.to_owned(), "malformed;1.00;of-somebody-else".to_owned())]
}

/// A flagged message arrives, framed or plain, with the verdict in a header for all to read.
///
/// # Errors
/// When the check fails.
pub async fn flagged_messages_say_so<F: Fixture>() -> Result<()> {
    for payload in saying(FLAGGED) {
        let note = Note { headers: said_before(), ..Note::of(payload.clone()) };
        let fixture = F::new().await?;
        let mut bare = fixture.bare_consumer().await?;
        let mut producer = fixture.producer(screening(false)?).await?;
        within("publish", producer.publish(note.clone())).await??;
        let on_the_wire = next_note(&mut bare).await?;
        ensure!(threat(&on_the_wire) == ["injection;0.90;pod-bay-doors"], "{on_the_wire:?}");

        let fixture = F::new().await?;
        let mut consumer = fixture.consumer(engine()?).await?;
        let mut producer = fixture.producer(screening(false)?).await?;
        within("publish", producer.publish(note)).await??;
        let got = next_note(&mut consumer).await?;
        ensure!(threat(&got) == ["injection;0.90;pod-bay-doors"], "{got:?}");
        ensure!(got.payload == Some(payload), "other bytes");
        within("publish", producer.publish(Note::of(request()))).await??;
        let clean = next_note(&mut consumer).await?;
        ensure!(threat(&clean).is_empty(), "clean, and flagged: {clean:?}");
    }
    Ok(())
}

/// A blocked message does not go out; the error names the rule, gives the payload back and says nothing of it.
///
/// # Errors
/// When the check fails.
pub async fn blocked_messages_are_refused<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut consumer = fixture.bare_consumer().await?;
    let mut producer = fixture.producer(screening(false)?).await?;
    for payload in saying(BLOCKED) {
        let refused = within("publish", producer.publish(Note::of(payload.clone()))).await?;
        let refused = refused.err().context("it was published")?;
        ensure!(refused.text.contains("tell-the-secret"), "no rule: {}", refused.text);
        ensure!(!refused.text.contains("crate"), "the text itself: {}", refused.text);
        ensure!(!refused.too_large && refused.payload == Some(payload), "other bytes");
    }
    within("publish", producer.publish(Note::of("after"))).await??;
    let got = next_note(&mut consumer).await?;
    ensure!(got.payload.as_deref() == Some(b"after"), "one went out: {got:?}");
    Ok(())
}

/// Where it is asked for, what others sent is screened as it is opened: flagged by our own word, whatever its sender said, or
/// blocked, with the message in the error.
///
/// # Errors
/// When the check fails.
pub async fn incoming_messages_are_screened_where_asked<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(screening(true)?).await?;
    let mut producer = fixture.bare_producer().await?;
    for payload in saying(FLAGGED) {
        for sent in [payload.clone(), frame(&payload)?] {
            let note = Note { headers: said_before(), ..Note::of(sent) };
            within("publish", producer.publish(note)).await??;
            let got = next_note(&mut consumer).await?;
            ensure!(threat(&got) == ["injection;0.90;pod-bay-doors"], "{got:?}");
            ensure!(got.payload.as_ref() == Some(&payload), "other bytes");
            ensure!(got.encoding.is_none(), "{got:?}");
        }
    }
    for payload in saying(BLOCKED) {
        for sent in [payload.clone(), frame(&payload)?] {
            within("publish", producer.publish(Note::of(sent.clone()))).await??;
            let arrival = within("the message arrives", consumer.next()).await??;
            let Arrival::Unopenable { raw, by_engine, text } = arrival else {
                bail!("opened: {arrival:?}");
            };
            ensure!(by_engine && text.contains("tell-the-secret"), "no rule: {text}");
            ensure!(!text.contains("crate"), "the text itself: {text}");
            ensure!(raw == Some(sent), "other bytes");
            within("acknowledge", consumer.ack()).await??;
        }
    }
    within("publish", producer.publish(Note::of(request()))).await??;
    let clean = next_note(&mut consumer).await?;
    ensure!(threat(&clean).is_empty() && clean.payload == Some(request()), "{clean:?}");

    let fixture = F::new().await?;
    let mut consumer = fixture.consumer(screening(false)?).await?;
    let mut producer = fixture.bare_producer().await?;
    for payload in saying(BLOCKED) {
        within("publish", producer.publish(Note::of(payload.clone()))).await??;
        let got = next_note(&mut consumer).await?;
        ensure!(got.payload == Some(payload) && threat(&got).is_empty(), "not asked: {got:?}");
    }
    Ok(())
}
