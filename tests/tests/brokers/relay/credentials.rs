//! Who the bridge is to a broker.

use anyhow::{Context, Result, ensure};
use m2m_tests::harness::{Nats, NatsOptions};
use tokio::time::timeout;

use super::bridge::{Running, route};
use super::messages::{check, mixed};
use super::place::{Kind, LIMIT, Place};

/// Anybody may do anything but read streams; the bridge may.
const USERS: &str = "authorization { users = [
    { user: anybody, password: anybody, permissions: { publish: { deny: \"$JS.API.CONSUMER.>\" } } }
    { user: bridge, password: secret }
] }
no_auth_user: anybody";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_and_password_are_those_of_the_url_or_of_their_own_keys() -> Result<()> {
    let options = NatsOptions { config: USERS.to_owned(), ..NatsOptions::default() };
    let nats = Nats::start_with(options).await?;
    let from = Place::at(Kind::Stream, nats.url().to_owned()).await?;
    let host = from.url.trim_start_matches("nats://");
    from.feed(mixed(&from, 10)?).await?;
    for (bus, is_let_in) in [
        (format!("url = 'nats://{host}'\nuser = 'bridge'\npassword = 'secret'"), true),
        (format!("url = 'nats://bridge:secret@{host}'"), true),
        (format!("url = 'nats://{host}'\nuser = 'bridge'\npassword = 'wrong'"), false),
    ] {
        let to = Place::new(Kind::Memory).await?;
        let mut taker = to.taker().await?;
        let retry = "retry = { min_backoff = '10ms', max_backoff = '20ms' }";
        let route =
            route("r", &from, &to, retry).replace("'bridge' }", &format!("'{}' }}", to.name));
        let text = format!("[buses.nats]\n{bus}\n[buses.memory]\nurl = '{}'\n{route}", to.url);
        let running = Running::with(&text, &[&to])?;
        if is_let_in {
            check(&from, &to, taker.wait(10).await?, 10)?;
            running.stop().await?;
        } else {
            // Nothing will change by itself: the bridge says so and ends.
            let error = timeout(LIMIT, running.ended()).await.context("it goes on")?.unwrap_err();
            ensure!(error.to_string().contains("route r cannot be read"), "{error}");
            ensure!(!format!("{error:?}").contains("wrong"), "{error:?}");
        }
    }
    Ok(())
}
