//! The client for people against the reference broker.

mod stage;

use squall_broker::{Broker, Config, Server};
use squall_client::{
    Abandonment, Again, Backoff, EndCause, Happening, Message, QueueLimit, RequestError, Settings,
    TcpDial, open,
};
use squall_protocol::{QoS, ReasonCode, Version, packet::Subscription, topic::TopicFilter};
use stage::{filter, patience, with_broker};
use std::{num::NonZeroU16, time::Duration};
use tokio::{
    net::TcpListener,
    task::{LocalSet, spawn_local},
    time::timeout,
};

fn everything() -> [Subscription; 1] {
    [Subscription::new(filter("#"), QoS::ExactlyOnce)]
}

#[tokio::test]
async fn publishes_to_itself_at_every_qos() {
    for version in Version::ALL {
        with_broker(async |address| {
            let settings = Settings::new(version, "c");
            let (client, driver) = open(TcpDial { address }, settings);
            let mut events = client.events();
            let work = async {
                assert!(!client.connected().await.unwrap().session_present);
                let mut messages = client.subscribe(everything()).await.unwrap();
                assert_eq!(messages.granted(), [ReasonCode::GRANTED_QOS_2]);
                for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                    let message = Message::new("hello/world", vec![qos.as_u8()], qos);
                    let published = client.publish(message.clone()).await;
                    assert_eq!(published, Ok(ReasonCode::SUCCESS));
                    let came = messages.next().await.unwrap();
                    assert_eq!(
                        (&came.topic, &came.payload),
                        (&message.topic, &message.payload)
                    );
                    assert_eq!(came.qos, qos);
                }
                let reasons = messages.unsubscribe().await.unwrap();
                assert_eq!(reasons.len(), usize::from(version == Version::V5_0));
                assert!(messages.next().await.is_none(), "its stream has ended");
                let clone = client.clone();
                client.disconnect().await;
                let late = Message::new("a", "late", QoS::AtMostOnce);
                assert_eq!(clone.publish(late).await, Err(RequestError::Stopped));
                clone.disconnect().await;
            };
            tokio::join!(work, driver);
            let first = events.next().await;
            assert!(
                matches!(first, Some(Happening::Connected { .. })),
                "{first:?}"
            );
            let last = events.next().await;
            let over = EndCause::Requested;
            assert!(
                matches!(&last, Some(Happening::Ended { cause, again: false }) if *cause == over),
                "{last:?}"
            );
            assert!(events.next().await.is_none());
        })
        .await;
    }
}

#[tokio::test]
async fn handles_and_drivers_go_to_other_threads() {
    fn is_send<T: Send>(thing: T) -> T {
        thing
    }
    with_broker(async |address| {
        // Over whichever way it goes.
        let endpoint = squall_transport::Endpoint::from(address);
        let (client, driver) = open(endpoint, Settings::new(Version::V5_0, "c"));
        let (client, driver) = (is_send(client), is_send(driver));
        let work = async {
            is_send(client.publish(Message::new("a", "x", QoS::AtLeastOnce)))
                .await
                .unwrap();
            let messages = is_send(client.subscribe(everything())).await.unwrap();
            drop(is_send(messages));
            is_send(client.events());
            client.disconnect().await;
        };
        tokio::join!(is_send(work), driver);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    with_broker(async |address| {
        let (client, driver) = open(TcpDial { address }, Settings::new(Version::V5_0, "c"));
        let work = async {
            let refused = client
                .publish(Message::new("a/#", "x", QoS::AtLeastOnce))
                .await;
            assert!(
                matches!(
                    refused,
                    Err(RequestError::Abandoned(Abandonment::InvalidTopic(_)))
                ),
                "{refused:?}"
            );
            let refused = client.subscribe([]).await;
            assert!(
                matches!(
                    refused,
                    Err(RequestError::Abandoned(Abandonment::InvalidRequest(_)))
                ),
                "{refused:?}"
            );
            drop(client);
        };
        // The last handle is gone, so the driver ends.
        tokio::join!(work, driver);
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_is_the_last_is_told_to_everybody() {
    // Nobody listens there any more.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = Settings::new(Version::V5_0, "c").without_reconnect();
    let (client, driver) = open(TcpDial { address }, settings);
    let waiting = client.publish(Message::new("a", "x", QoS::AtLeastOnce));
    let work = async {
        for _ in 0..2 {
            let failed = client.connected().await;
            let why = matches!(failed, Err(RequestError::Ended(EndCause::DialFailed(_))));
            assert!(why, "{failed:?}");
        }
    };
    let all = async { tokio::join!(waiting, work, driver) };
    let (waiting, ..) = timeout(patience(), all)
        .await
        .expect("nobody waits for ever");
    let why = |result| matches!(result, Err(RequestError::Ended(EndCause::DialFailed(_))));
    assert!(why(waiting));
    assert!(why(client
        .publish(Message::new("a", "x", QoS::AtMostOnce))
        .await));
    assert!(why(client
        .subscribe(everything())
        .await
        .map(|_| ReasonCode::SUCCESS)));
}

#[tokio::test]
async fn with_a_backoff_it_connects_when_the_server_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let wait = Duration::from_millis(5);
    let settings = Settings::new(Version::V5_0, "c").reconnect(Backoff::new(wait, wait));
    let (client, driver) = open(TcpDial { address }, settings);
    let mut events = client.events();
    let work = async {
        let failed = events.next().await;
        assert!(
            matches!(failed, Some(Happening::Ended { again: true, .. })),
            "{failed:?}"
        );
        drop(events);
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Server::new(Broker::new(Config::default())).run(listener);
        let rest = async {
            client.connected().await.unwrap();
            client.disconnect().await;
        };
        tokio::select! {
            biased;
            () = rest => {}
            result = server => panic!("the server ended: {result:?}"),
        }
    };
    let both = async { tokio::join!(work, driver) };
    timeout(patience(), LocalSet::new().run_until(both))
        .await
        .expect("it connects");
}

#[tokio::test]
async fn a_driver_that_is_dropped_leaves_nobody_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, driver) = open(TcpDial { address }, Settings::new(Version::V5_0, "c"));
    let mut events = client.events();
    let publish = client.publish(Message::new("a", "x", QoS::AtLeastOnce));
    let gone = async {
        // The listener never answers CONNECT.
        let _ = timeout(Duration::from_millis(20), driver).await;
    };
    let all = async { tokio::join!(publish, client.connected(), gone) };
    let (published, connected, ()) = timeout(patience(), all)
        .await
        .expect("nobody waits for ever");
    assert_eq!(published, Err(RequestError::Stopped));
    assert_eq!(connected, Err(RequestError::Stopped));
    assert!(events.next().await.is_none());
    client.disconnect().await;
    drop(listener);
}

#[tokio::test]
async fn of_two_clients_with_one_identifier_one_stays() {
    with_broker(async |address| {
        let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
        let settings = Settings::new(Version::V5_0, "twin").reconnect(backoff);
        let (first, driver) = open(TcpDial { address }, settings.clone());
        let first_driver = spawn_local(driver);
        first.connected().await.unwrap();
        let (second, driver) = open(TcpDial { address }, settings);
        let second_driver = spawn_local(driver);
        second.connected().await.unwrap();
        // The first one has ended for good, and says why.
        first_driver.await.unwrap();
        let taken = EndCause::ServerDisconnect(ReasonCode::SESSION_TAKEN_OVER);
        assert_eq!(Again::after(&taken), Again::Never);
        let late = Message::new("a", "x", QoS::AtLeastOnce);
        assert_eq!(
            first.publish(late.clone()).await,
            Err(RequestError::Ended(taken))
        );
        for _ in 0..20 {
            assert_eq!(
                second.publish(late.clone()).await,
                Ok(ReasonCode::NO_MATCHING_SUBSCRIBERS)
            );
        }
        second.disconnect().await;
        second_driver.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_publishes_more_than_may_wait_waits() {
    for version in Version::ALL {
        with_broker(async |address| {
            let settings = Settings::new(version, "c")
                .outgoing(QueueLimit {
                    messages: 2,
                    bytes: 100,
                })
                .window(NonZeroU16::MIN);
            let (client, driver) = open(TcpDial { address }, settings);
            let message = || Message::new("a", "x", QoS::ExactlyOnce);
            // Nothing is sent before the driver runs.
            let kept = [client.try_publish(message()), client.try_publish(message())];
            let full = client.try_publish(message()).map(|_| ());
            assert_eq!(full, Err(RequestError::Full));
            let waits = timeout(Duration::from_millis(5), client.enqueue(message())).await;
            assert!(waits.is_err(), "there is no room");
            let work = async {
                for publication in kept {
                    assert!(!publication.unwrap().await.unwrap().is_error());
                }
                for _ in 0..50 {
                    client.publish(message()).await.unwrap();
                }
                client.disconnect().await;
            };
            tokio::join!(work, driver);
        })
        .await;
    }
}

#[tokio::test]
async fn each_stream_has_the_messages_of_its_filters() {
    for version in Version::ALL {
        with_broker(async |address| {
            let (client, driver) = open(TcpDial { address }, Settings::new(version, "c"));
            let driver = spawn_local(driver);
            let one = |f: &str| [Subscription::new(filter(f), QoS::AtLeastOnce)];
            let mut a = client.subscribe(one("a/+")).await.unwrap();
            let mut b = client.subscribe(one("b/#")).await.unwrap();
            for (n, topic) in ["a/1", "b/2", "a/3", "b/4"].into_iter().enumerate() {
                let message = Message::new(topic, vec![n as u8], QoS::AtLeastOnce);
                client.publish(message).await.unwrap();
            }
            for (stream, topics) in [(&mut a, ["a/1", "a/3"]), (&mut b, ["b/2", "b/4"])] {
                for topic in topics {
                    assert_eq!(stream.next().await.unwrap().topic.as_str(), topic);
                }
            }
            // What nobody wants any more holds nothing up.
            drop(a);
            for n in 0..50_u8 {
                client
                    .publish(Message::new("a/x", vec![n], QoS::AtLeastOnce))
                    .await
                    .unwrap();
            }
            let mut events = client.events();
            client
                .publish(Message::new("a/y", "kept", QoS::AtLeastOnce))
                .await
                .unwrap();
            let unclaimed = events.next().await;
            assert!(
                matches!(&unclaimed, Some(Happening::Unclaimed(d)) if d.topic.as_str() == "a/y"),
                "{unclaimed:?}"
            );
            drop(b);
            client.disconnect().await;
            driver.await.unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn a_request_has_its_response() {
    with_broker(async |address| {
        let connect = |id: &str| {
            let (client, driver) = open(TcpDial { address }, Settings::new(Version::V5_0, id));
            (client, spawn_local(driver))
        };
        let (asks, asking) = connect("asks");
        let (answers, answering) = connect("answers");
        let sums = [Subscription::new(filter("sum"), QoS::AtLeastOnce)];
        let mut requests = answers.subscribe(sums).await.unwrap();
        let responder = answers.clone();
        let answer = spawn_local(async move {
            while let Some(request) = requests.next().await {
                let sum: u8 = request.payload.iter().sum();
                responder.respond(&request, vec![sum]).await.unwrap();
            }
        });
        let ask = |numbers: Vec<u8>| {
            let request = Message::new("sum", numbers, QoS::AtLeastOnce);
            asks.request(request)
        };
        let (a, b) = tokio::join!(ask(vec![1, 2]), ask(vec![3, 4, 5]));
        assert_eq!(
            (&a.unwrap().payload[..], &b.unwrap().payload[..]),
            (&[3][..], &[12][..])
        );
        let lost = Message::new("nobody/listens", "x", QoS::AtMostOnce);
        assert!(
            timeout(Duration::from_millis(20), asks.request(lost))
                .await
                .is_err()
        );
        asks.disconnect().await;
        answers.disconnect().await;
        for task in [asking, answering, answer] {
            task.await.unwrap();
        }
        let (old, driver) = open(TcpDial { address }, Settings::new(Version::V3_1_1, "old"));
        let request = Message::new("sum", "x", QoS::AtMostOnce);
        assert_eq!(old.request(request).await, Err(RequestError::NeedsVersion5));
        drop((old, driver));
    })
    .await;
}

#[tokio::test]
async fn what_the_server_does_not_offer_is_not_asked_of_it() {
    let config = Config {
        maximum_qos: QoS::AtMostOnce,
        ..Config::default()
    };
    stage::with_broker_of(config, async |address| {
        let (client, driver) = open(TcpDial { address }, Settings::new(Version::V5_0, "c"));
        let work = async {
            let publish = client
                .publish(Message::new("a", "x", QoS::AtLeastOnce))
                .await;
            let most = Abandonment::QosNotSupported(QoS::AtMostOnce);
            assert_eq!(publish, Err(RequestError::Abandoned(most)));
            let bad = TopicFilter::parse_v5("$share/a/b").unwrap();
            let mut shared = Subscription::new(bad, QoS::AtMostOnce);
            shared.no_local = true;
            // [MQTT-3.8.3-4]: no valid packet.
            let refused = client.subscribe([shared]).await;
            assert!(
                matches!(refused, Err(RequestError::Abandoned(_))),
                "{refused:?}"
            );
            client.disconnect().await;
        };
        tokio::join!(work, driver);
    })
    .await;
}
