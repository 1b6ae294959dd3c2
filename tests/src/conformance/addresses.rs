//! Where messages can go, and where they cannot.

use anyhow::{Context, Result, ensure};
use m2m_engine::bus::{Address, Envelope, Sink};
use m2m_engine::error::{Classify, Transience};

use super::Fixture;
use super::inbox::{Inbox, send, within};
use super::payloads::request;

/// Names beyond ASCII work, or are refused for good at once.
///
/// # Errors
/// When the check fails.
pub async fn unicode_names<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut inbox = Inbox::new(fixture.source().await?);
    let mut sink = fixture.sink().await?;
    let address = fixture.unicode_address();
    ensure!(!address.name.is_ascii(), "{address:?} is plain ASCII");
    let envelope = |address: &Address| Envelope {
        address: address.clone(),
        payload: Some(request()),
        ..Envelope::default()
    };
    if F::UNICODE_NAMES {
        send(&mut sink, envelope(&address)).await?;
        let came = inbox.take_one().await?;
        ensure!(came.address == address, "{address:?} became {came:?}");
        ensure!(came.payload == Some(request()), "the payload was changed");
    } else {
        expect_refusal(&mut sink, envelope(&address)).await?;
    }
    // Either way the sink goes on.
    send(&mut sink, envelope(&fixture.address())).await?;
    inbox.take_one().await?;
    Ok(())
}

/// A sink that claims to confirm fails where nothing takes the message; one that does not claim it cannot tell.
///
/// # Errors
/// When the check fails.
pub async fn confirmations_tell_the_truth<F: Fixture>() -> Result<()> {
    let fixture = F::new().await?;
    let mut sink = fixture.sink().await?;
    let lost =
        Envelope { address: fixture.nowhere(), payload: Some(request()), ..Envelope::default() };
    if sink.capabilities().confirms {
        expect_refusal(&mut sink, lost).await?;
    } else {
        send(&mut sink, lost).await?;
    }
    let mut inbox = Inbox::new(fixture.source().await?);
    let envelope =
        Envelope { address: fixture.address(), payload: Some(request()), ..Envelope::default() };
    send(&mut sink, envelope).await?;
    ensure!(inbox.take_one().await?.payload == Some(request()), "the sink does not go on");
    Ok(())
}

async fn expect_refusal<S: Sink>(sink: &mut S, envelope: Envelope) -> Result<()> {
    let outcome = match within("the sink answers", sink.send(envelope)).await? {
        Ok(confirmation) => within("the broker answers", confirmation).await?,
        Err(error) => Err(error),
    };
    let error = outcome.err().context("nothing is there, and it was confirmed")?;
    ensure!(error.transience() == Transience::Permanent, "trying again does not help: {error}");
    Ok(())
}
