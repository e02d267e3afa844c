//! A server whose store works on a thread of its own: what it promises is there for the one that comes after it.

use super::*;
use squall_broker::{
    Durable,
    store::{Aside, Batch, Key, Redb, Store, StoreError},
};
use squall_protocol::{Property, packet::Ack};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// A running server and the way to it.
struct Kept {
    doors: UnboundedSender<io::Result<DuplexStream>>,
    server: JoinHandle<io::Result<()>>,
}

impl Kept {
    /// A server that begins at this time with what is stored.
    fn open(store: impl Store + Send + 'static, at: Time) -> Self {
        let stored = Arc::new(Notify::new());
        let store = Aside::new(store, Arc::clone(&stored));
        let broker = Durable::open(Config::default(), store, at).unwrap();
        let (doors, receiver) = unbounded_channel();
        let server = Server::new(broker).stored(stored).starts_at(at);
        let server = spawn_local(server.run(Doors(receiver)));
        Self { doors, server }
    }

    fn at(path: &Path, at: Time) -> Self {
        Self::open(Redb::open(path).unwrap(), at)
    }

    /// A client whose session is kept for an hour, and whether there was one.
    async fn join(&self, client_id: &str) -> (Peer<DuplexStream>, bool) {
        let (ours, theirs) = duplex(4096);
        self.doors.send(Ok(theirs)).unwrap();
        let mut peer = Peer::new(ours);
        let Packet::Connect(mut hello) = connect(client_id, 0) else {
            unreachable!("it is a CONNECT");
        };
        hello.clean_start = false;
        hello.properties.push(Property::SessionExpiryInterval(3600));
        peer.send(Packet::Connect(hello)).await;
        let Some(Packet::ConnAck(ack)) = peer.next().await else {
            panic!("no CONNACK");
        };
        (peer, ack.session_present)
    }

    /// It ends without a word, as when it is killed.
    async fn kill(self) {
        self.server.abort();
        assert!(self.server.await.unwrap_err().is_cancelled());
    }
}

fn expiring(secs: u32) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "t".into(),
        packet_id: Some(PacketId::MIN),
        properties: Properties::new().with(Property::MessageExpiryInterval(secs)),
        payload: Bytes::from_static(b"kept"),
    })
}

#[test]
fn what_was_acknowledged_is_there_after_the_server_was_killed_and_its_time_has_passed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let begun = Time::from_millis(1_700_000_000_000);
    real_story(async {
        let first = Kept::at(&path, begun);
        let (mut subscriber, present) = first.join("subscriber").await;
        assert!(!present);
        subscriber.subscribe("t", QoS::AtLeastOnce).await;
        drop(subscriber);
        let (mut publisher, _) = first.join("publisher").await;
        publisher.send(expiring(1000)).await;
        let answer = publisher.next().await;
        assert!(matches!(answer, Some(Packet::PubAck(_))), "{answer:?}");
        first.kill().await;

        // 300 seconds later, and what was done meanwhile.
        let second = Kept::at(&path, begun + Duration::from_secs(300));
        let (mut subscriber, present) = second.join("subscriber").await;
        assert!(present);
        let Some(Packet::Publish(publish)) = subscriber.next().await else {
            panic!("no PUBLISH");
        };
        assert_eq!(publish.payload, "kept");
        // [MQTT-3.3.2-6] (5.0): it came some milliseconds after the beginning, and whole seconds count.
        let left = publish.properties.message_expiry_interval().unwrap();
        assert!((640..=701).contains(&left), "{left} s");
        second.kill().await;
    });
}

/// A store that is full from the first batch on.
#[derive(Debug)]
struct Full;

impl Store for Full {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        Ok(Vec::new())
    }

    fn store(&mut self, _: Time, _: Batch) -> Result<(), StoreError> {
        Err(StoreError::Failed("no space left".to_owned()))
    }

    fn stored(&mut self, _: Time) -> Result<usize, StoreError> {
        Ok(0)
    }
}

#[test]
fn a_server_whose_store_fails_promises_nothing_and_ends_with_the_reason() {
    real_story(async {
        let kept = Kept::open(Full, Time::ZERO);
        let (ours, theirs) = duplex(4096);
        kept.doors.send(Ok(theirs)).unwrap();
        let mut bystander = Peer::new(ours);
        bystander.connect("bystander", 0).await;
        let (ours, theirs) = duplex(4096);
        kept.doors.send(Ok(theirs)).unwrap();
        let mut peer = Peer::new(ours);
        let Packet::Connect(mut hello) = connect("kept", 0) else {
            unreachable!("it is a CONNECT");
        };
        hello.properties.push(Property::SessionExpiryInterval(9));
        peer.send(Packet::Connect(hello)).await;
        let left = bystander.next().await;
        let reason = ReasonCode::SERVER_SHUTTING_DOWN;
        assert_eq!(
            left,
            Some(Packet::Disconnect(Disconnect::with_reason(reason)))
        );
        let heard = peer.next().await;
        assert!(
            !matches!(heard, Some(Packet::ConnAck(_))),
            "a session that is not stored"
        );
        let ended = kept.server.await.unwrap().unwrap_err();
        assert_eq!(
            ended.to_string(),
            "the store takes nothing any more: no space left"
        );
    });
}

/// A slow store, which takes nothing more from some time on.
#[derive(Clone, Debug, Default)]
struct Ending {
    full: Arc<AtomicBool>,
    stored: Arc<AtomicUsize>,
}

impl Store for Ending {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        Ok(Vec::new())
    }

    fn store(&mut self, _: Time, _: Batch) -> Result<(), StoreError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a slow disk, on a thread of its own"
        )]
        std::thread::sleep(Duration::from_millis(100));
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("no space left".to_owned()));
        }
        self.stored.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn stored(&mut self, _: Time) -> Result<usize, StoreError> {
        Ok(1)
    }
}

#[test]
fn the_end_waits_for_the_store_and_says_when_it_has_failed() {
    for fails in [false, true] {
        real_story(async move {
            let store = Ending::default();
            let wake = Arc::new(Notify::new());
            let aside = Aside::new(store.clone(), Arc::clone(&wake));
            let broker = Durable::open(Config::default(), aside, Time::ZERO).unwrap();
            let (doors, receiver) = unbounded_channel();
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let server = Server::new(broker).stored(wake);
            let server = server.run_until(Doors(receiver), async move { drop(stopped.await) });
            let server = spawn_local(server);
            let kept = Kept { doors, server };
            let (mut peer, _) = kept.join("a").await;
            peer.subscribe("t", QoS::AtLeastOnce).await;
            peer.send(expiring(1000)).await;
            let first = peer.next().await;
            let second = peer.next().await;
            let publish = [first, second].into_iter().flatten().find_map(|p| match p {
                Packet::Publish(publish) => Some(publish),
                _ => None,
            });
            // Until all that is stored.
            sleep(Duration::from_millis(600)).await;
            let before = store.stored.load(Ordering::SeqCst);
            store.full.store(fails, Ordering::SeqCst);
            // Nobody is promised that this is stored, and so it is not yet when the end is asked for.
            let id = publish.unwrap().packet_id.unwrap();
            peer.send(Packet::PubAck(Ack::success(id))).await;
            peer.send(Packet::PingReq).await;
            drop(peer.next().await);
            drop((peer, stop));
            let ended = kept.server.await.unwrap();
            match fails {
                true => assert!(ended.unwrap_err().to_string().contains("no space left")),
                false => {
                    ended.unwrap();
                    assert!(store.stored.load(Ordering::SeqCst) > before);
                }
            }
        });
    }
}
