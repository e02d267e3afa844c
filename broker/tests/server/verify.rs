//! Who comes in is found out aside: some at a time, in order, while everybody else is served.

use super::*;
use squall_broker::{
    AsidePasswords, Verifier,
    security::{Credentials, Passwords, Security, Verdict, passwords},
};
use std::cell::Cell;

/// Takes a second for each, and knows everybody whose password is the user's name.
struct Slow {
    running: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
    order: Rc<RefCell<Vec<String>>>,
}

impl Verifier for Slow {
    fn at_once(&self) -> usize {
        2
    }

    fn verify(&self, credentials: Credentials) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let (running, most) = (Rc::clone(&self.running), Rc::clone(&self.most));
        self.order
            .borrow_mut()
            .push(credentials.user_name.to_string());
        Box::pin(async move {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            sleep(Duration::from_secs(1)).await;
            running.set(running.get() - 1);
            let user = credentials.user_name.as_bytes();
            match credentials.password.is_some_and(|p| p.reveal() == user) {
                true => Verdict::Right,
                false => Verdict::Wrong,
            }
        })
    }
}

fn said(max_verifying: usize) -> Config {
    Config {
        security: Security {
            passwords: true,
            allow_anonymous: Some(true),
            max_verifying,
            ..Security::default()
        },
        ..Config::default()
    }
}

fn named(user: &str, password: &str) -> Packet {
    let Packet::Connect(mut connect) = connect(user, 0) else {
        panic!()
    };
    connect.user_name = Some(user.into());
    connect.password = Some(Bytes::copy_from_slice(password.as_bytes()));
    Packet::Connect(connect)
}

/// Opens a house whose server is changed first.
fn house(config: Config, change: impl FnOnce(Server) -> Server) -> House {
    let (doors, receiver) = unbounded_channel();
    let server = change(Server::new(Broker::new(config)));
    let stop = Rc::new(Notify::new());
    let asked = Rc::clone(&stop);
    let server = server.run_until(Doors(receiver), async move { asked.notified().await });
    House {
        doors,
        log: Log::default(),
        stop,
        server: spawn_local(server),
    }
}

async fn answer(peer: &mut Peer<DuplexStream>) -> u8 {
    match peer.next().await {
        Some(Packet::ConnAck(ack)) => ack.reason.0,
        other => panic!("no CONNACK but {other:?}"),
    }
}

#[test]
fn two_at_a_time_in_order_and_everybody_else_is_served() {
    story(async {
        let (running, most, order) = (Rc::default(), Rc::default(), Rc::default());
        let slow = Slow {
            running,
            most: Rc::clone(&most),
            order: Rc::clone(&order),
        };
        let house = house(said(3), |server| server.verifier(slow));
        let begun = Instant::now();
        let mut peers = Vec::new();
        for (user, password) in [("a", "a"), ("b", "x"), ("c", "c"), ("d", "d")] {
            let mut peer = house.dial();
            peer.send(named(user, password)).await;
            peers.push(peer);
        }
        // One more than may wait.
        assert_eq!(answer(&mut peers[3]).await, 0x89);
        let mut other = house.dial();
        other.connect("other", 0).await;
        other.ping().await;
        assert!(
            begun.elapsed() < Duration::from_millis(100),
            "nobody held it up"
        );
        assert_eq!(answer(&mut peers[0]).await, 0);
        assert_eq!(answer(&mut peers[1]).await, 0x86);
        assert_eq!(peers[1].next().await, None, "and closed");
        assert_eq!(begun.elapsed().as_secs(), 1);
        assert_eq!(answer(&mut peers[2]).await, 0);
        assert_eq!(begun.elapsed().as_secs(), 2);
        assert_eq!(
            (most.get(), &order.borrow()[..]),
            (2, &["a", "b", "c"].map(String::from)[..])
        );
        peers[0].ping().await;
    });
}

#[test]
fn who_is_gone_is_not_verified() {
    story(async {
        let order = Rc::default();
        let slow = Slow {
            running: Rc::default(),
            most: Rc::default(),
            order: Rc::clone(&order),
        };
        let config = Config {
            connect_timeout: Duration::from_millis(500),
            ..said(9)
        };
        let house = house(config, |server| server.verifier(slow));
        let mut peers = Vec::new();
        for user in ["a", "b", "c", "d"] {
            let mut peer = house.dial();
            peer.send(named(user, user)).await;
            peers.push(peer);
        }
        for peer in &mut peers {
            assert_eq!(peer.next().await, None);
        }
        sleep(Duration::from_secs(10)).await;
        assert_eq!(order.borrow()[..], ["a", "b"]);
    });
}

#[test]
fn a_client_is_not_read_until_it_was_verified_and_loses_nothing() {
    story(async {
        let slow = Slow {
            running: Rc::default(),
            most: Rc::default(),
            order: Rc::default(),
        };
        let house = house(said(9), |server| server.verifier(slow));
        let mut watcher = house.dial();
        watcher.connect("w", 0).await;
        watcher.subscribe("t", QoS::AtMostOnce).await;
        // Far more than may come early, sent without waiting for CONNACK.
        let (mut hasty, theirs) = duplex(64);
        house.doors.send(Ok(theirs)).unwrap();
        let mut all = encode(&named("a", "a"), Version::V5_0).unwrap().to_vec();
        for n in 0..100_u8 {
            all.extend(encode(&publish("t", vec![n; 2_000].into()), Version::V5_0).unwrap());
        }
        assert!(all.len() > 2 * Security::EARLY_BYTES);
        let sending = spawn_local(async move {
            hasty.write_all(&all).await.unwrap();
            hasty
        });
        for n in 0..100 {
            let Some(Packet::Publish(heard)) = watcher.next().await else {
                panic!()
            };
            assert_eq!(heard.payload[0], n);
        }
        drop(sending.await.unwrap());
    });
}

#[test]
fn without_anybody_who_finds_out_nobody_comes_in() {
    story(async {
        let house = house(said(9), |server| server);
        let mut peer = house.dial();
        peer.send(named("a", "a")).await;
        assert_eq!(answer(&mut peer).await, 0x88);
        assert_eq!(peer.next().await, None);
    });
}

#[test]
fn a_panic_of_the_verifier_is_the_servers() {
    struct Broken;
    impl Verifier for Broken {
        fn at_once(&self) -> usize {
            0
        }
        fn verify(&self, _: Credentials) -> Pin<Box<dyn Future<Output = Verdict>>> {
            Box::pin(async { panic!("broken") })
        }
    }
    story(async {
        let house = house(said(9), |server| server.verifier(Broken));
        let mut peer = house.dial();
        peer.send(named("a", "a")).await;
        assert!(house.server.await.unwrap_err().is_panic());
    });
}

#[test]
fn a_password_file_lets_in_who_it_says() {
    real_story(async {
        let cost = passwords::Cost {
            memory: 8,
            passes: 1,
            lanes: 1,
        };
        let line = passwords::line("alice", b"pencil", &[7; 16], cost).unwrap();
        let file = Passwords::parse("users", &line).unwrap();
        let house = house(said(9), |server| {
            server.verifier(AsidePasswords::new(file, 2))
        });
        for (password, code) in [("pencil", 0), ("guess", 0x86)] {
            let mut peer = house.dial();
            peer.send(named("alice", password)).await;
            assert_eq!(answer(&mut peer).await, code);
        }
    });
}
