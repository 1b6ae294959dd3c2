//! A broker that goes and comes back under a session.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;

use super::*;

/// Sends numbers, from each side, until the other has got one that was sent after `from`.
async fn they_hear_each_other(asking: &mut Session, answering: &mut Session) -> Result<()> {
    heard(asking, answering).await?;
    heard(answering, asking).await
}

async fn heard(from: &mut Session, to: &mut Session) -> Result<()> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let first = NEXT.fetch_add(1_000_000, Ordering::Relaxed);
    let speaking = async {
        for n in first.. {
            // Where the broker is away or keeps nothing, it is lost, and said again.
            if let Err(error) = from.send(n.to_string()).await {
                ensure!(!matches!(error, m2m_engine::session::SendError::Ended(_)), "{error:?}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    };
    let hearing = async {
        loop {
            let payload = to.recv().await?;
            if String::from_utf8(payload)?.parse::<usize>()? >= first {
                return anyhow::Ok(());
            }
        }
    };
    within("a payload to come through", async {
        tokio::select! {
            spoken = speaking => spoken,
            heard = hearing => heard,
        }
    })
    .await?
}

macro_rules! survives {
    ($name:ident, $broker:ident, $bus:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() -> Result<()> {
            let mut broker = $broker::start().await?;
            let a = Bus::$bus(&broker).agent(settings("a", organisation(1))).await?;
            let mut b = Bus::$bus(&broker).agent(settings("b", organisation(1))).await?;
            let (mut asking, mut answering) = session(&a, &mut b).await?;
            let id = asking.id().to_owned();
            they_hear_each_other(&mut asking, &mut answering).await?;
            broker.kill().await?;
            broker.start_again().await?;
            they_hear_each_other(&mut asking, &mut answering).await?;
            broker.stop().await?;
            broker.start_again().await?;
            they_hear_each_other(&mut asking, &mut answering).await?;
            ensure!(asking.id() == id && answering.id() == id);
            // New ones can be opened as well.
            let (asking, answering) = session(&a, &mut b).await?;
            ensure!(asking.id() == answering.id() && asking.id() != id);
            Ok(())
        }
    };
}

survives!(a_session_survives_a_killed_nats_server, Nats, Nats);
survives!(a_session_survives_a_killed_rabbitmq, Rabbit, Amqp);
survives!(a_session_survives_a_killed_kafka, Kafka, Kafka);
