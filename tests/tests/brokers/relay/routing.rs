//! Conditions, dead letters and the loop guard on real brokers.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use m2m_engine::bus::Envelope;
use m2m_engine::bus::headers::Header;
use m2m_engine::{Config, Engine, Framing, Outbound};
use serde_json::json;

use super::bridge::{Running, route};
use super::place::{Kind, Place, Taker};

fn request(model: &str, max_tokens: u32) -> Bytes {
    let body = json!({
        "model": model, "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": "Which of the shipments that left Rotterdam last week are late?"}],
    });
    body.to_string().into()
}

fn framed(payload: &Bytes) -> Result<Bytes> {
    let engine = Engine::new(Config { framing: Framing::Always, ..Config::default() })?;
    Ok(engine.wrap(payload, &Outbound::default())?.into_bytes(payload))
}

fn at(place: &Place, payload: Bytes) -> Envelope {
    Envelope { address: place.address(0), payload: Some(payload), ..Envelope::default() }
}

async fn payloads(taker: &mut Taker, count: usize) -> Result<Vec<Bytes>> {
    let arrived = taker.wait(count).await?;
    Ok(arrived.iter().filter_map(|envelope| envelope.payload.clone()).collect())
}

/// Framed and plain messages alike go by their provider and their cost; the first match takes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_match_takes_a_message_and_otherwise_the_rest() -> Result<()> {
    let from = Place::new(Kind::Stream).await?;
    let (openai, dear) = (Place::new(Kind::Kafka).await?, Place::new(Kind::Rabbit).await?);
    let rest = from.beside().await?;
    let (mut to_openai, mut to_dear, mut to_rest) =
        (openai.taker().await?, dear.taker().await?, rest.taker().await?);
    let routes = format!(
        "[[routes]]\nname = 'r'\nfrom = {}\nto = [\n\
         {{ when = \"schema == 'request' && est_cost_usd > 0.05\", {} }},\n\
         {{ when = \"provider == 'openai'\", {} }},\n]\notherwise = {{ {} }}\n",
        from.from(),
        dear.to(),
        openai.to(),
        rest.to()
    );
    let running = Running::start(&[&from, &openai, &dear, &rest], &routes)?;
    let plain = request("gpt-4o-mini", 100);
    let messages = [
        framed(&request("gpt-4", 90_000))?,
        framed(&request("gpt-4o-mini", 90))?,
        plain,
        framed(&request("claude-3-haiku", 90))?,
        Bytes::from_static(b"\xff\0 no JSON"),
    ];
    from.feed(messages.iter().map(|payload| at(&from, payload.clone())).collect()).await?;
    ensure!(payloads(&mut to_dear, 1).await? == messages[..1]);
    // Without a key, Kafka spreads them over its partitions.
    let mut cheap = payloads(&mut to_openai, 2).await?;
    cheap.sort_by_key(|payload| *payload != messages[1]);
    ensure!(cheap == messages[1..3]);
    ensure!(payloads(&mut to_rest, 2).await? == messages[3..]);
    let counted = running.stop().await?.routes["r"];
    ensure!((counted.unmatched, counted.sent) == (2, 5), "{counted:?}");
    Ok(())
}

/// All matches get a copy, under names and keys made of the message's facts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_matches_get_a_copy() -> Result<()> {
    let from = Place::new(Kind::Rabbit).await?;
    let (topic, stream) = (Place::new(Kind::Kafka).await?, Place::new(Kind::Stream).await?);
    let (mut to_topic, mut to_stream) = (topic.taker().await?, stream.taker().await?);
    let routes = format!(
        "[[routes]]\nname = 'r'\nfrom = {}\nmatch = 'all'\nto = [\n\
         {{ when = \"'user' in roles\", bus = 'kafka', topic = '{}', key = \"{{{{ headers['tenant'] }}}}\" }},\n\
         {{ when = \"headers['tenant'] == 'acme'\", bus = 'nats', subject = \"{}.{{{{ provider }}}}.{{{{ model | replace('.', '-') }}}}\" }},\n]\n\
         otherwise = 'drop'\n",
        from.from(),
        topic.name,
        stream.name,
    );
    let running = Running::start(&[&from, &topic, &stream], &routes)?;
    let mut envelope = at(&from, framed(&request("claude-3.5-sonnet", 10))?);
    envelope.headers.push(Header::text("tenant", "acme"));
    from.feed(vec![envelope.clone(), at(&from, "dropped".into())]).await?;
    let arrived = &to_topic.wait(1).await?[0];
    ensure!(arrived.key.as_deref() == Some(b"acme") && arrived.payload == envelope.payload);
    let arrived = &to_stream.wait(1).await?[0];
    let subject = format!("{}.anthropic.claude-3-5-sonnet", stream.name);
    ensure!(arrived.address.name == subject, "{}", arrived.address.name);
    let report = running.stop().await?;
    let counted = report.routes["r"];
    ensure!((counted.acknowledged, counted.sent, counted.unmatched) == (2, 2, 1), "{counted:?}");
    Ok(())
}

/// Topics by a pattern, some subjects of a stream, an exchange with a routing key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patterns_filters_and_exchanges() -> Result<()> {
    let (topic, other) = (Place::new(Kind::Kafka).await?, Place::new(Kind::Kafka).await?);
    let (stream, queue) = (Place::new(Kind::Stream).await?, Place::new(Kind::Rabbit).await?);
    let exchange = bind_exchange(&queue).await?;
    let pattern = format!("{}|{}", topic.name, other.name);
    let routes = format!(
        "[[routes]]\nname = 'topics'\nfrom = {{ bus = 'kafka', pattern = '^({pattern})$', group = '{}' }}\n\
         to = [{{ bus = 'rabbit', exchange = '{exchange}', routing_key = 'topics.{{{{ topic }}}}' }}]\n\
         [[routes]]\nname = 'subjects'\nfrom = {{ bus = 'nats', stream = '{}', durable = 'bridge', subjects = ['{}.1', '{}.2'] }}\n\
         to = [{{ bus = 'rabbit', exchange = '{exchange}', routing_key = '{{{{ subject }}}}' }}]\n",
        topic.name, stream.name, stream.name, stream.name,
    );
    for (place, payload) in [(&topic, "one"), (&other, "two")] {
        place.feed(vec![at(place, payload.into())]).await?;
    }
    let subject = |key: usize| Envelope {
        address: stream.address(key),
        ..at(&stream, format!("s{key}").into())
    };
    stream.feed((0..3).map(subject).collect()).await?;
    let running = Running::start(&[&topic, &stream, &queue], &routes)?;
    let mut taker = queue.taker().await?;
    let mut arrived: Vec<(String, Option<Bytes>)> =
        taker.wait(4).await?.iter().map(|e| (e.address.name.clone(), e.payload.clone())).collect();
    arrived.sort();
    let mut expected = vec![
        (format!("topics.{}", topic.name), Some("one".into())),
        (format!("topics.{}", other.name), Some("two".into())),
        (stream.address(1).name, Some("s1".into())),
        (stream.address(2).name, Some("s2".into())),
    ];
    expected.sort();
    ensure!(arrived == expected, "{arrived:?}");
    running.stop().await?;
    Ok(())
}

/// A topic exchange from which the queue gets everything.
async fn bind_exchange(queue: &Place) -> Result<String> {
    let connection = lapin::Connection::connect(&queue.url, Default::default()).await?;
    let channel = connection.create_channel().await?;
    let name = m2m_tests::harness::unique("exchange");
    let (exchange, queue) = (name.as_str(), queue.name.as_str());
    let kind = lapin::ExchangeKind::Topic;
    channel.exchange_declare(exchange.into(), kind, Default::default(), Default::default()).await?;
    let all = "#".into();
    channel
        .queue_bind(queue.into(), exchange.into(), all, Default::default(), Default::default())
        .await?;
    connection.close(200, "made".into()).await?;
    Ok(name)
}

/// What a destination will never take is buried with its reason, on whichever broker; the messages around it pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_be_delivered_is_buried_with_the_reason() -> Result<()> {
    for (from, to, dead) in [
        (Kind::Kafka, Kind::Stream, Kind::Rabbit),
        (Kind::Stream, Kind::Rabbit, Kind::Kafka),
        (Kind::Rabbit, Kind::Kafka, Kind::Stream),
    ] {
        let (from, to, dead) =
            (Place::new(from).await?, Place::new(to).await?, Place::new(dead).await?);
        let (mut delivered, mut buried) = (to.taker().await?, dead.taker().await?);
        // The destination of the second message is not there; that of the third cannot be.
        let elsewhere = format!("{}{{{{ headers.elsewhere }}}}", to.name);
        let missing = to.to().replace(&to.name, &elsewhere);
        let routes = format!(
            "[[routes]]\nname = 'r'\nfrom = {}\nto = [{{ {missing} }}]\ndead_letter = {{ {} }}\n",
            from.from(),
            dead.to()
        );
        let running = Running::start(&[&from, &to, &dead], &routes)?;
        let mut messages: Vec<Envelope> =
            ["first", "nowhere", "wild", "last"].map(|payload| at(&from, payload.into())).into();
        messages[1].headers.push(Header::text("elsewhere", "-missing"));
        messages[2].headers.push(Header::text("elsewhere", "*"));
        let keyed =
            messages.into_iter().map(|envelope| Envelope { key: Some("k".into()), ..envelope });
        from.feed(keyed.collect()).await?;
        let mut good = payloads(&mut delivered, 2).await?;
        good.sort();
        ensure!(good == ["first", "last"], "{good:?}");
        let letters = buried.wait(2).await?;
        for letter in letters {
            let reason = letter.header("m2m-dead-letter-reason").context("no reason")?;
            let expected = match letter.payload.as_deref() {
                Some(b"nowhere") => "refused the message",
                Some(b"wild") => "wildcard",
                other => anyhow::bail!("buried: {other:?}"),
            };
            ensure!(reason.contains(expected), "{reason}");
            ensure!(letter.header("m2m-dead-letter-route") == Some("test/r"), "{letter:?}");
            let source = format!("{}/{}", from.bus(), from.address(0).name);
            ensure!(letter.header("m2m-dead-letter-source") == Some(source.as_str()), "{letter:?}");
            ensure!(letter.header("elsewhere").is_some(), "{letter:?}");
        }
        let report = running.stop().await?;
        let counted = report.routes["r"];
        ensure!((counted.dead_lettered, counted.acknowledged) == (2, 4), "{counted:?}");
    }
    Ok(())
}

/// A ring over all three brokers goes round once; the dead letter, put back by hand, once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_of_brokers_goes_round_once() -> Result<()> {
    let (nats, kafka, rabbit) = (
        Place::new(Kind::Stream).await?,
        Place::new(Kind::Kafka).await?,
        Place::new(Kind::Rabbit).await?,
    );
    let dead = rabbit.beside().await?;
    let bury = format!("dead_letter = {{ {} }}", dead.to());
    let routes = route("one", &nats, &kafka, &bury)
        + &route("two", &kafka, &rabbit, &bury)
        + &route("three", &rabbit, &nats, &bury);
    let running = Running::start(&[&nats, &kafka, &rabbit], &routes)?;
    let mut buried = dead.taker().await?;
    nats.feed(vec![at(&nats, "round".into())]).await?;
    for round in 1..=2 {
        let letter = buried.wait(round).await?[round - 1].clone();
        let reason = letter.header("m2m-dead-letter-reason").context("no reason")?;
        ensure!(reason.contains("test/one has seen it before"), "{reason}");
        ensure!(letter.header("m2m-route") == Some("test/one,test/two,test/three"), "{letter:?}");
        let counters = running.bridge.counters();
        let received = ["one", "two", "three"].map(|name| counters[name].received as usize);
        ensure!(received == [2 * round, round, round], "{received:?}");
        nats.feed(vec![Envelope { address: nats.address(0), ..letter }]).await?;
    }
    buried.wait(3).await?;
    running.stop().await?;
    Ok(())
}
