//! What the three brokers have in common.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::container::{Container, docker_answers};
use super::native::Native;
use super::ports;
use super::{HarnessError, Kind};

/// How long a broker may take until it answers: generous, for a machine that builds something else at the time.
const READY: Duration = Duration::from_secs(120);
/// The same for one that is already there.
const READY_GIVEN: Duration = Duration::from_secs(20);
const TRY: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// A running broker. Dropped, it is gone with its data; one that was already there stays.
#[derive(Debug)]
pub struct Broker<K> {
    url: String,
    runner: Runner,
    kind: PhantomData<K>,
}

#[derive(Debug)]
enum Runner {
    Given,
    Native(Box<Native>),
    Container(Box<Container>),
}

impl<K: Kind> Broker<K> {
    /// Starts a broker with the default options, and waits until it answers.
    ///
    /// # Errors
    /// What is missing and how to get it; the end of its log when it does not come up.
    pub async fn start() -> Result<Self, HarnessError> {
        Self::start_with(K::default()).await
    }

    /// Starts a broker with these options, which do not reach one that was already there.
    ///
    /// # Errors
    /// As [`Broker::start`].
    pub async fn start_with(options: K) -> Result<Self, HarnessError> {
        let given = std::env::var(K::VARIABLE);
        if let Some(url) = given.ok().filter(|url| !url.is_empty()) {
            return Self::at(&url).await;
        }
        let port = ports::free().map_err(HarnessError::io("find a free port"))?;
        let runner = if docker_answers().await {
            Runner::Container(Box::new(Container::start(&options, port).await?))
        } else {
            let mut native = Native::prepare(&options, port).await?;
            native.start()?;
            Runner::Native(Box::new(native))
        };
        Self::ready(K::url(port), runner).await
    }

    /// The broker that is already at this address, a URL or `host:port`.
    ///
    /// # Errors
    /// [`HarnessError::Silent`] when there is none.
    pub async fn at(address: &str) -> Result<Self, HarnessError> {
        let url = if address.contains("://") {
            address.to_owned()
        } else {
            format!("{}://{address}", K::SCHEME)
        };
        Self::ready(url, Runner::Given).await
    }

    async fn ready(url: String, runner: Runner) -> Result<Self, HarnessError> {
        let mut broker = Self { url, runner, kind: PhantomData };
        broker.answers().await?;
        Ok(broker)
    }

    /// The broker that all tests of this process share, started by the first that asks, with the default options.
    ///
    /// # Errors
    /// As [`Broker::start`]; the same for all who ask.
    pub async fn shared() -> Result<&'static Self, &'static HarnessError> {
        K::shared().get_or_init(Self::start).await.as_ref()
    }

    /// Where clients reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Shuts it down in good order; its data stays.
    ///
    /// # Errors
    /// When it does not end within a minute (it is killed then), and when it is not ours.
    pub async fn stop(&mut self) -> Result<(), HarnessError> {
        match &mut self.runner {
            Runner::Native(native) => native.stop().await,
            Runner::Container(container) => container.stop().await,
            Runner::Given => Err(not_ours::<K>("stop")),
        }
    }

    /// Ends it without warning, by SIGKILL; what it had written stays.
    ///
    /// # Errors
    /// When it is not ours.
    pub async fn kill(&mut self) -> Result<(), HarnessError> {
        match &mut self.runner {
            Runner::Native(native) => native.kill(),
            Runner::Container(container) => container.kill().await,
            Runner::Given => Err(not_ours::<K>("kill")),
        }
    }

    /// Starts it after [`Broker::stop`] or [`Broker::kill`], with the same address and data, and waits until it answers.
    ///
    /// # Errors
    /// As [`Broker::start`], and when it is not ours.
    pub async fn start_again(&mut self) -> Result<(), HarnessError> {
        match &mut self.runner {
            Runner::Native(native) => native.start()?,
            Runner::Container(container) => container.start_again().await?,
            Runner::Given => return Err(not_ours::<K>("start")),
        }
        self.answers().await
    }

    /// Waits until the broker answers, or has ended, or the time is over.
    async fn answers(&mut self) -> Result<(), HarnessError> {
        let begun = Instant::now();
        let given = matches!(self.runner, Runner::Given);
        let limit = if given { READY_GIVEN } else { READY };
        loop {
            let last = match timeout(TRY, K::probe(&self.url)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            if let Runner::Native(native) = &mut self.runner
                && let Some(status) = native.ended()?
            {
                return Err(HarnessError::Ended {
                    broker: K::NAME,
                    status,
                    log: native.log_tail(),
                });
            }
            if begun.elapsed() > limit {
                return Err(HarnessError::Silent {
                    broker: K::NAME,
                    waited: limit,
                    log: self.log_tail().await,
                    source: last,
                });
            }
            sleep(POLL).await;
        }
    }

    async fn log_tail(&self) -> String {
        match &self.runner {
            Runner::Native(native) => native.log_tail(),
            Runner::Container(container) => container.log_tail().await,
            Runner::Given => format!("(its log is not ours to read; {} points at it)", K::VARIABLE),
        }
    }
}

fn not_ours<K: Kind>(action: &'static str) -> HarnessError {
    HarnessError::NotOurs { broker: K::NAME, action, variable: K::VARIABLE }
}
