//! Headers that only the engine may write.

use anyhow::{Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::headers::{KEY_ID, STAMP, THREAT, is_engines};

use super::inbox::{next_note, within};
use super::payloads::{engine, request};
use super::{Fixture, Note, Producer};

/// What an application sends along under the engine's names, copied from a message that it received, say, does not go out: the
/// receiver would take it for the engine's word.
///
/// # Errors
/// When the check fails.
pub async fn headers_of_the_engine_are_its_own<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut consumer = fixture.bare_consumer().await?;
    let mut producer = fixture.producer(engine()?).await?;
    let mut payloads = vec![Some(Bytes::from_static(b"small")), Some(request())];
    payloads.extend(F::NULLS.then_some(None));
    for payload in payloads {
        let stale = [KEY_ID, STAMP, THREAT, "M2M-Stamp"].map(|name| (name, "stale"));
        let headers = stale.into_iter().chain([("x-own", "kept")]);
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let note = Note { headers, payload: payload.clone(), ..Note::default() };
        within("publish", producer.publish(note)).await??;
        let got = next_note(&mut consumer).await?;
        let (engines, others): (Vec<_>, Vec<_>) =
            got.headers.into_iter().partition(|(name, _)| is_engines(name));
        ensure!(engines.is_empty(), "with {payload:?} went {engines:?}");
        ensure!(
            others.iter().any(|(name, value)| (name.as_str(), value.as_str()) == ("x-own", "kept")),
            "lost: {others:?}"
        );
    }
    Ok(())
}
