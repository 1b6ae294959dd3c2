use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use m2m_engine::bus::Address;
use tokio::time::timeout;

use super::*;
use crate::Message;
use crate::error::{SettleError, SubjectError};

/// Turns a hang into a failure; far longer than anything here takes.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.unwrap()
}

/// Polls once: whether the future still waits.
async fn waits<F: Future + Unpin>(future: &mut F) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = std::future::ready(()) => true,
    }
}

fn envelope(subject: &str, number: usize) -> Envelope {
    Envelope {
        address: Address { name: subject.to_owned(), exchange: String::new() },
        payload: Some(Bytes::from(number.to_string())),
        ..Envelope::default()
    }
}

async fn publish(bus: &Bus, subject: &str, number: usize) -> usize {
    let published = soon(bus.publish(envelope(subject, number))).await;
    published.unwrap().groups
}

async fn next(subscription: &mut Subscription) -> Message {
    soon(subscription.recv()).await.unwrap()
}

fn number(message: &Message) -> usize {
    let payload = message.envelope.payload.as_deref().unwrap();
    std::str::from_utf8(payload).unwrap().parse().unwrap()
}

async fn numbers(subscription: &mut Subscription, count: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let message = next(subscription).await;
        numbers.push(number(&message));
        message.ack().unwrap();
    }
    numbers
}

fn quick(capacity: usize) -> Bus {
    Bus::new(BusConfig {
        capacity,
        redelivery_delay: Duration::from_millis(1),
        ..BusConfig::default()
    })
}

#[tokio::test]
async fn each_group_gets_each_message_and_its_members_share() {
    let bus = quick(100);
    let mut first = bus.queue_subscribe("a.b", "first").unwrap();
    let mut second = bus.queue_subscribe("a.*", "second").unwrap();
    let mut same = bus.queue_subscribe("a.b", "first").unwrap();
    let mut alone = bus.subscribe("a.>").unwrap();
    let _other = bus.subscribe("a.c").unwrap();
    for n in 0..4 {
        assert_eq!(publish(&bus, "a.b", n).await, 3);
    }
    let mut shared = numbers(&mut first, 2).await;
    shared.extend(numbers(&mut same, 2).await);
    assert_eq!(shared, [0, 1, 2, 3]);
    assert_eq!(numbers(&mut second, 4).await, [0, 1, 2, 3]);
    assert_eq!(numbers(&mut alone, 4).await, [0, 1, 2, 3]);
    assert_eq!(bus.depth("a.b", "first"), Some(0));
    assert_eq!(publish(&bus, "a.b.c", 0).await, 1, "a.> alone");
}

#[tokio::test]
async fn a_group_keeps_messages_without_members_from_its_first_subscribe_on() {
    let bus = quick(100);
    assert_eq!(publish(&bus, "a", 0).await, 0, "nobody is there");
    bus.declare("a", "declared").unwrap();
    drop(bus.queue_subscribe("a", "left").unwrap());
    drop(bus.subscribe("a").unwrap());
    assert_eq!(publish(&bus, "a", 1).await, 2);
    for group in ["declared", "left"] {
        let mut member = bus.queue_subscribe("a", group).unwrap();
        assert_eq!(numbers(&mut member, 1).await, [1]);
    }
    assert!(bus.delete("a", "declared"));
    assert!(!bus.delete("a", "declared"));
    assert_eq!(publish(&bus, "a", 2).await, 1);
}

#[tokio::test]
async fn a_refused_message_comes_again_with_its_count_and_identity() {
    let bus = quick(100);
    let mut member = bus.queue_subscribe("a", "g").unwrap();
    publish(&bus, "a", 0).await;
    publish(&bus, "a", 1).await;
    let message = next(&mut member).await;
    let identity = message.envelope.identity.clone();
    assert_eq!((number(&message), message.redelivered()), (0, 0));
    message.nack().unwrap();
    assert_eq!(numbers(&mut member, 1).await, [1], "the next one goes ahead");
    for count in 1..4 {
        let message = next(&mut member).await;
        assert_eq!((number(&message), message.redelivered()), (0, count));
        assert_eq!(message.envelope.identity, identity);
        // Dropped is refused as well.
        if count < 2 {
            message.nack().unwrap();
        }
    }
    let other = quick(1);
    let mut elsewhere = other.queue_subscribe("a", "g").unwrap();
    publish(&other, "a", 0).await;
    assert_ne!(next(&mut elsewhere).await.envelope.identity, identity);
}

#[tokio::test]
async fn what_a_dropped_consumer_held_goes_back_to_its_place() {
    let bus = quick(100);
    let mut dies = bus.queue_subscribe("a", "g").unwrap();
    for n in 0..6 {
        publish(&bus, "a", n).await;
    }
    let mut held = soon(dies.recv_many(4)).await.unwrap();
    held.remove(1).ack().unwrap();
    drop(dies);
    let mut lives = bus.queue_subscribe("a", "g").unwrap();
    let first = next(&mut lives).await;
    assert_eq!((number(&first), first.redelivered()), (0, 1));
    // The claims of the dead are void, whether the message is out again or not.
    for message in held {
        assert_eq!(message.ack(), Err(SettleError::Stale));
    }
    first.ack().unwrap();
    assert_eq!(numbers(&mut lives, 4).await, [2, 3, 4, 5]);
    assert_eq!(bus.depth("a", "g"), Some(0));
}

#[tokio::test]
async fn publishing_waits_for_a_full_group_until_something_is_acknowledged() {
    let bus = quick(2);
    let mut slow = bus.queue_subscribe("a", "slow").unwrap();
    let mut quick = bus.queue_subscribe("a", "quick").unwrap();
    publish(&bus, "a", 0).await;
    publish(&bus, "a", 1).await;
    assert_eq!(numbers(&mut quick, 2).await, [0, 1]);

    let mut third = Box::pin(bus.publish(envelope("a", 2)));
    assert!(waits(&mut third).await);
    assert_eq!(bus.depth("a", "quick"), Some(0), "all groups or none");
    let taken = next(&mut slow).await;
    assert!(waits(&mut third).await, "taken is not acknowledged");
    taken.ack().unwrap();
    soon(third).await.unwrap();
    assert_eq!(numbers(&mut quick, 1).await, [2]);

    // Given up while it waits, it reaches nobody and takes no place.
    let mut given_up = Box::pin(bus.publish(envelope("a", 3)));
    assert!(waits(&mut given_up).await);
    drop(given_up);
    assert_eq!(numbers(&mut slow, 2).await, [1, 2]);
    for n in 4..6 {
        publish(&bus, "a", n).await;
    }
    assert_eq!(numbers(&mut slow, 2).await, [4, 5]);
}

#[tokio::test]
async fn a_deleted_group_lets_its_publishers_go() {
    let bus = quick(1);
    let mut member = bus.queue_subscribe("a", "g").unwrap();
    let alone = bus.subscribe("a").unwrap();
    publish(&bus, "a", 0).await;
    let mut second = Box::pin(bus.publish(envelope("a", 1)));
    assert!(waits(&mut second).await);
    let held = next(&mut member).await;
    assert!(bus.delete("a", "g"));
    assert!(waits(&mut second).await, "the other one is full, too");
    drop(alone);
    assert_eq!(soon(second).await.unwrap().groups, 0);
    assert_eq!(held.ack(), Err(SettleError::Stale));
    assert!(soon(member.recv()).await.is_none(), "its end");
}

#[tokio::test]
async fn a_closed_bus_gives_what_is_left_and_takes_nothing() {
    let bus = quick(1);
    let mut member = bus.queue_subscribe("a", "g").unwrap();
    let mut idle = bus.queue_subscribe("b", "g").unwrap();
    publish(&bus, "a", 0).await;
    let mut waiting = Box::pin(bus.publish(envelope("a", 1)));
    assert!(waits(&mut waiting).await);
    let mut receiving = Box::pin(idle.recv());
    assert!(waits(&mut receiving).await);
    bus.close();
    let unsent = soon(waiting).await.unwrap_err();
    assert!(matches!(unsent.source, Refused::Closed));
    assert_eq!(*unsent.envelope, envelope("a", 1));
    assert!(soon(receiving).await.is_none());
    next(&mut member).await.nack().unwrap();
    assert_eq!(numbers(&mut member, 1).await, [0]);
    assert!(soon(member.recv()).await.is_none());
    assert!(matches!(bus.subscribe("a").unwrap_err(), SubscribeError::Closed));
}

#[tokio::test]
async fn the_last_handle_closes_the_bus() {
    let bus = quick(10);
    let mut member = bus.clone().queue_subscribe("a", "g").unwrap();
    publish(&bus, "a", 0).await;
    drop(bus);
    assert_eq!(numbers(&mut member, 1).await, [0]);
    assert!(soon(member.recv()).await.is_none());
}

#[tokio::test]
async fn what_cannot_be_published_is_given_back() {
    let bus = Bus::new(BusConfig { max_payload: 3, ..BusConfig::default() });
    for (subject, number) in [("a.*", 1), ("a b", 1), ("a", 1234)] {
        let envelope = envelope(subject, number);
        let unsent = soon(bus.publish(envelope.clone())).await.unwrap_err();
        assert_eq!(*unsent.envelope, envelope);
        match unsent.source {
            Refused::Subject { source, .. } if subject == "a.*" => {
                assert_eq!(source, SubjectError::Wildcard);
            }
            Refused::Subject { source, .. } => assert_eq!(source, SubjectError::Character),
            Refused::TooLarge { len, limit } => assert_eq!((len, limit), (4, 3)),
            Refused::Closed => panic!("it is open"),
        }
    }
}

/// Publishers that fill overlapping groups, members that refuse, give up and go: each group ends with each message once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_stuck_under_load() {
    const PUBLISHERS: usize = 4;
    const EACH: usize = 500;
    let bus = quick(8);
    let subjects = [("a.x", "g"), ("a.*", "g"), ("a.>", "h"), (">", "g")];
    let mut members = Vec::new();
    for (subject, group) in subjects {
        bus.declare(subject, group).unwrap();
    }
    for (subject, group) in subjects {
        let bus = bus.clone();
        members.push(tokio::spawn(async move {
            let mut done = BTreeSet::new();
            let mut subscription = bus.queue_subscribe(subject, group).unwrap();
            let mut turn = 0;
            while done.len() < PUBLISHERS * EACH {
                turn += 1;
                tokio::select! {
                    biased;
                    message = subscription.recv() => {
                        let message = message.unwrap();
                        match turn % 7 {
                            0 => message.nack().unwrap(),
                            1 => drop(message),
                            _ => {
                                assert!(done.insert(number(&message)), "twice");
                                message.ack().unwrap();
                            }
                        }
                    }
                    () = tokio::task::yield_now() => {}
                }
                if turn % 97 == 0 {
                    subscription = bus.queue_subscribe(subject, group).unwrap();
                }
            }
        }));
    }
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let bus = bus.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    assert_eq!(publish(&bus, "a.x", publisher * EACH + n).await, 4);
                }
            })
        })
        .collect();
    for task in publishers.into_iter().chain(members) {
        soon(task).await.unwrap();
    }
    for (subject, group) in subjects {
        assert_eq!(bus.depth(subject, group), Some(0), "{subject} {group}");
    }
}
