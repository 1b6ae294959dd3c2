//! Every ordered pair of buses: nothing lost, nothing changed, nothing reordered within a key.

use anyhow::{Result, ensure};
use m2m_tests::harness::eventually;

use super::bridge::{Running, route};
use super::messages::{check, complete, mixed};
use super::place::{Kind, Place};

const COUNT: usize = 2_000;

async fn pair(from: Kind, to: Kind) -> Result<()> {
    let from = Place::new(from).await?;
    // A configuration has one bus of each kind.
    let to = if to == from.kind { from.beside().await? } else { Place::new(to).await? };
    let mut taker = to.taker().await?;
    let mut routes = route("pair", &from, &to, "in_flight = 256\nlanes = 3");
    if from.kind == Kind::Core {
        routes = routes.replace(
            "to = [{",
            "otherwise = 'drop'\nto = [{ when = \"!subject.endsWith('.probe')\",",
        );
    }
    if from.kind != Kind::Core {
        from.feed(mixed(&from, COUNT)?).await?;
    }
    let running = Running::start(&[&from, &to], &routes)?;
    if from.kind == Kind::Core {
        // Nobody keeps what comes before the subscription.
        feed_once_read(&from, &running).await?;
    }
    let arrived = taker.wait_until("all", |arrived| complete(arrived, COUNT)).await?;
    let duplicates = check(&from, &to, arrived, COUNT)?;
    let report = running.stop().await?;
    ensure!(duplicates == 0 && report.unsettled == 0, "{duplicates} duplicates, {report:?}");
    let counted = report.routes["pair"];
    ensure!(counted.acknowledged == counted.received, "{counted:?}");
    ensure!(counted.sent == COUNT as u64, "{counted:?}");
    Ok(())
}

async fn feed_once_read(from: &Place, running: &Running) -> Result<()> {
    let client = async_nats::connect(&from.url).await?;
    eventually("the bridge reads", async || {
        client.publish(format!("{}.probe", from.name), "".into()).await.unwrap();
        client.flush().await.unwrap();
        running.bridge.counters()["pair"].received > 0
    })
    .await;
    from.feed(mixed(from, COUNT)?).await
}

macro_rules! pairs {
    ($($name:ident: $from:ident => $to:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() -> Result<()> {
            pair(Kind::$from, Kind::$to).await
        })*
    };
}

pairs! {
    memory_to_memory: Memory => Memory,
    memory_to_nats: Memory => Stream,
    memory_to_kafka: Memory => Kafka,
    memory_to_rabbit: Memory => Rabbit,
    nats_to_memory: Stream => Memory,
    nats_to_nats: Stream => Stream,
    nats_to_kafka: Stream => Kafka,
    nats_to_rabbit: Stream => Rabbit,
    kafka_to_memory: Kafka => Memory,
    kafka_to_nats: Kafka => Stream,
    kafka_to_kafka: Kafka => Kafka,
    kafka_to_rabbit: Kafka => Rabbit,
    rabbit_to_memory: Rabbit => Memory,
    rabbit_to_nats: Rabbit => Stream,
    rabbit_to_kafka: Rabbit => Kafka,
    rabbit_to_rabbit: Rabbit => Rabbit,
    core_nats_to_memory: Core => Memory,
    kafka_to_core_nats: Kafka => Core,
}
