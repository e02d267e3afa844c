//! The handle against the reference broker over a real loopback connection.

use squall_broker::{Broker, Config, Server};
use squall_client::{
    Abandonment, Backoff, ConnectOptions, EndCause, Event, Message, RequestError, TcpDial, open,
};
use squall_protocol::{QoS, ReasonCode, Version, packet::Subscription, topic::TopicFilter};
use std::{future::Future, net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, task::LocalSet, time::timeout};

/// Plays a script against a broker; both end with the script.
async fn with_broker<F: Future<Output = ()>>(script: impl FnOnce(SocketAddr) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(Broker::new(Config::default())).run(listener);
    let story = async {
        tokio::select! {
            biased;
            () = script(address) => {}
            result = server => panic!("the server ended: {result:?}"),
        }
    };
    let limit = Duration::from_secs(20);
    timeout(limit, LocalSet::new().run_until(story))
        .await
        .expect("the story comes to its end");
}

fn everything() -> Vec<Subscription> {
    vec![Subscription::new(
        TopicFilter::parse_v5("#").unwrap(),
        QoS::ExactlyOnce,
    )]
}

#[tokio::test]
async fn publishes_to_itself_at_every_qos() {
    for version in Version::ALL {
        with_broker(async |address| {
            let options = ConnectOptions::new(version, "c");
            let (client, mut events, driver) = open(TcpDial { address }, options, None);
            let work = async {
                assert!(!client.connected().await.unwrap().session_present);
                assert_eq!(
                    client.subscribe(everything()).await.unwrap(),
                    [ReasonCode::GRANTED_QOS_2]
                );
                for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                    let message = Message::new("hello/world", vec![qos.as_u8()], qos);
                    assert_eq!(
                        client.publish(message.clone()).await,
                        Ok(ReasonCode::SUCCESS)
                    );
                    assert_eq!(events.next_message().await, Some(message));
                }
                let filters = vec![TopicFilter::parse_v5("#").unwrap()];
                let reasons = client.unsubscribe(filters).await.unwrap();
                assert_eq!(reasons.len(), if version == Version::V5_0 { 1 } else { 0 });
                let clone = client.clone();
                client.disconnect().await;
                assert_eq!(
                    clone
                        .publish(Message::new("a", "late", QoS::AtMostOnce))
                        .await,
                    Err(RequestError::Stopped)
                );
                assert_eq!(
                    clone.subscribe(everything()).await,
                    Err(RequestError::Stopped)
                );
                clone.disconnect().await;
            };
            tokio::join!(work, driver);
            assert_eq!(
                events.next().await,
                Some(Event::Ended {
                    cause: EndCause::Requested
                })
            );
            assert_eq!(events.next().await, None);
        })
        .await;
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    with_broker(async |address| {
        let (client, _events, driver) = open(
            TcpDial { address },
            ConnectOptions::new(Version::V5_0, "c"),
            None,
        );
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
            let refused = client.subscribe(Vec::new()).await;
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
async fn an_attempt_that_fails_is_told() {
    // Nobody listens there any more.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (client, _events, driver) = open(
        TcpDial { address },
        ConnectOptions::new(Version::V5_0, "c"),
        None,
    );
    let work = async {
        for _ in 0..2 {
            let failed = client.connected().await;
            assert!(
                matches!(failed, Err(RequestError::Ended(EndCause::DialFailed(_)))),
                "{failed:?}"
            );
        }
        drop(client);
    };
    tokio::join!(work, driver);
}

#[tokio::test]
async fn with_a_backoff_it_connects_when_the_server_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let wait = Duration::from_millis(5);
    let backoff = Some(Backoff::new(wait, wait));
    let (client, mut events, driver) = open(
        TcpDial { address },
        ConnectOptions::new(Version::V5_0, "c"),
        backoff,
    );
    let work = async {
        let failed = events.next().await;
        assert!(
            matches!(
                failed,
                Some(Event::Ended {
                    cause: EndCause::DialFailed(_)
                })
            ),
            "{failed:?}"
        );
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
    timeout(Duration::from_secs(20), LocalSet::new().run_until(both))
        .await
        .expect("it connects");
}

#[tokio::test]
async fn a_driver_that_is_dropped_leaves_nobody_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, mut events, driver) = open(
        TcpDial { address },
        ConnectOptions::new(Version::V5_0, "c"),
        None,
    );
    let publish = client.publish(Message::new("a", "x", QoS::AtLeastOnce));
    let gone = async {
        // The listener never answers CONNECT.
        let _ = timeout(Duration::from_millis(20), driver).await;
    };
    let all = async { tokio::join!(publish, client.connected(), gone) };
    let limit = Duration::from_secs(20);
    let (published, connected, ()) = timeout(limit, all).await.expect("nobody waits for ever");
    assert_eq!(published, Err(RequestError::Stopped));
    assert_eq!(connected, Err(RequestError::Stopped));
    assert_eq!(events.next().await, None);
    client.disconnect().await;
    drop(listener);
}
