//! Our client at brokers that others wrote, started as `squall conform --target` starts them. What is asked of each is what
//! its documentation says that it offers.

use crate::tool::{installed, missing};
use squall_client::{
    Backoff, Delivery, Dial, Events, Handle, Happening, Message, QueueLimit, Settings, TcpDial,
    open,
};
use squall_conformance::{Process, ProcessError, TargetFile, bundled_target};
use squall_protocol::{
    QoS, ReasonCode, Text, Version,
    packet::{Subscription, Will},
    topic::TopicFilter,
};
use squall_transport::Endpoint;
use std::{cell::RefCell, io, net::SocketAddr, rc::Rc, time::Duration};
use tokio::{
    net::TcpStream,
    runtime::Builder,
    task::{JoinHandle, LocalSet, spawn_local},
    time::{sleep, timeout},
};

/// How long a story with a broker may take, its start aside.
const PATIENCE: Duration = Duration::from_secs(60);
const KEPT: Duration = Duration::from_secs(600);

/// A product that was started on ports of its own.
async fn running(file: &TargetFile) -> Result<Process, ProcessError> {
    let process = Process::new(file.recipe.clone(), file.credentials.clone())?;
    process.start().await?;
    Ok(process)
}

/// A broker that runs.
struct Broker {
    process: Process,
    file: TargetFile,
    address: SocketAddr,
}

impl Broker {
    /// Starts a product, if it is installed.
    async fn start(name: &str) -> Option<Self> {
        let file = bundled_target(name).expect("it is known");
        let mut file = file.expect("its file can be read");
        if std::env::var_os("AEDES_ROOT").is_none() {
            let folder = installed().join("aedes");
            let start = file.recipe.start.take().expect("it can be started");
            let start = format!("export AEDES_ROOT='{}'\n{start}", folder.display());
            file.recipe.start = Some(start);
        }
        let process = match running(&file).await {
            // Its ports may have been taken by somebody since they were found free.
            Err(_) => running(&file).await,
            runs => runs,
        };
        let process = match process {
            Ok(process) => process,
            Err(error) => {
                missing(name, &error.to_string());
                return None;
            }
        };
        let Endpoint::Tcp(address) = process.endpoint() else {
            panic!("{name} does not listen on TCP");
        };
        Some(Self {
            process,
            file,
            address,
        })
    }

    fn settings(&self, version: Version, client_id: &str) -> Settings {
        let wait = Duration::from_millis(20);
        let settings = Settings::new(version, client_id).reconnect(Backoff::new(wait, wait));
        match &self.file.credentials {
            Some(who) => {
                let password = who.password().unwrap_or_default().to_vec();
                settings.credentials(who.user_name().clone(), password)
            }
            None => settings,
        }
    }

    /// Whether its file knows that it does not stand this check.
    fn fails(&self, check: &str) -> bool {
        let mut known = self.file.deviations.iter().flat_map(|d| &d.checks);
        known.any(|known| *known == check)
    }

    /// A client that is connected.
    async fn client(&self, settings: Settings) -> Client {
        let dial = TcpDial {
            address: self.address,
        };
        Client::open(dial, settings).await
    }
}

struct Client {
    handle: Handle,
    driver: JoinHandle<()>,
    events: Events,
}

impl Client {
    async fn open(dial: impl Dial + 'static, settings: Settings) -> Self {
        let (handle, driver) = open(dial, settings);
        let events = handle.events();
        let driver = spawn_local(driver);
        handle.connected().await.expect("it is let in");
        Self {
            handle,
            driver,
            events,
        }
    }

    async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, qos: QoS) {
        let message = Message::new(topic, payload.into(), qos);
        let said = self.handle.publish(message).await.expect("it is published");
        assert!(!said.is_error(), "{topic}: {said}");
    }

    async fn subscribe(&self, topic: &str, qos: QoS) -> squall_client::Messages {
        let filter = TopicFilter::parse_v3(topic).expect("a filter");
        let messages = self.handle.subscribe([Subscription::new(filter, qos)]);
        let messages = messages.await.expect("it is subscribed");
        assert_eq!(messages.granted(), [ReasonCode(qos.as_u8())]);
        messages
    }

    async fn leave(self) {
        drop(self.events);
        self.handle.disconnect().await;
        self.driver.await.expect("no panic");
    }

    /// The connection is closed without a word.
    async fn dies(self) {
        drop((self.events, self.handle));
        self.driver.await.expect("no panic");
    }
}

async fn next(messages: &mut squall_client::Messages) -> Delivery {
    let next = timeout(Duration::from_secs(20), messages.next()).await;
    next.expect("it comes").expect("the stream goes on")
}

/// Plays a story with a product, in these versions and up to this QoS.
fn with(name: &str, versions: &[Version], highest: QoS) {
    let runtime = Builder::new_current_thread().enable_all().build();
    let story = async {
        let Some(broker) = Broker::start(name).await else {
            return;
        };
        for version in versions {
            let all = async {
                every_qos(&broker, *version, highest).await;
                retained(&broker, *version).await;
                will(&broker, *version).await;
                session(&broker, *version).await;
                cut(&broker, *version, highest).await;
            };
            let played = timeout(PATIENCE, all).await;
            assert!(played.is_ok(), "{name} {version}: it takes too long");
        }
        broker.process.stop().await;
    };
    LocalSet::new().block_on(&runtime.expect("a runtime"), story);
}

async fn every_qos(broker: &Broker, version: Version, highest: QoS) {
    let client = broker.client(broker.settings(version, "everyqos")).await;
    let mut messages = client.subscribe("every/qos", highest).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        if qos > highest {
            continue;
        }
        for payload in [Vec::new(), (0..=255).collect(), vec![b'x'; 50_000]] {
            client.publish("every/qos", payload.clone(), qos).await;
            let came = next(&mut messages).await;
            assert_eq!((came.qos, &came.payload[..]), (qos, &payload[..]));
            assert!(!came.retain);
        }
    }
    client.leave().await;
}

async fn retained(broker: &Broker, version: Version) {
    let one = broker.client(broker.settings(version, "retains")).await;
    let message = |payload: &'static str| Message {
        retain: true,
        ..Message::new("is/retained", payload, QoS::AtLeastOnce)
    };
    one.handle.publish(message("there")).await.expect("PUBACK");
    let other = broker.client(broker.settings(version, "looks")).await;
    let mut messages = other.subscribe("is/retained", QoS::AtLeastOnce).await;
    let came = next(&mut messages).await;
    assert_eq!((&came.payload[..], came.retain), (&b"there"[..], true));
    // An empty one removes it: who comes later gets what is new first.
    one.handle.publish(message("")).await.expect("PUBACK");
    let late = broker.client(broker.settings(version, "late")).await;
    let mut messages = late.subscribe("is/retained", QoS::AtLeastOnce).await;
    one.publish("is/retained", "new", QoS::AtLeastOnce).await;
    let came = next(&mut messages).await;
    assert_eq!((&came.payload[..], came.retain), (&b"new"[..], false));
    for client in [one, other, late] {
        client.leave().await;
    }
}

async fn will(broker: &Broker, version: Version) {
    let watches = broker.client(broker.settings(version, "watches")).await;
    let mut messages = watches.subscribe("a/will", QoS::AtLeastOnce).await;
    let will = Will {
        topic: Text::from("a/will"),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: squall_protocol::Properties::new(),
    };
    let leaves = broker.client(broker.settings(version, "leaves").will(will.clone()));
    leaves.await.leave().await;
    let dies = broker.client(broker.settings(version, "dies").will(will));
    dies.await.dies().await;
    watches.publish("a/will", "after", QoS::AtLeastOnce).await;
    // One, and not that of the client that has left in order. The last message may be faster than a will.
    let mut came = [next(&mut messages).await, next(&mut messages).await]
        .map(|delivery| delivery.payload.clone());
    came.sort();
    assert_eq!(came, ["after", "gone"]);
    watches.leave().await;
}

/// What was published while a client was away, and its process gone, comes to the one that takes its place.
async fn session(broker: &Broker, version: Version) {
    let kept = || broker.settings(version, "kept").session(KEPT);
    // Whatever an earlier story has left is gone.
    broker
        .client(broker.settings(version, "kept"))
        .await
        .leave()
        .await;
    let first = broker.client(kept()).await;
    drop(first.subscribe("a/session", QoS::AtLeastOnce).await);
    first.leave().await;
    let other = broker.client(broker.settings(version, "other")).await;
    for n in 0..3 {
        other.publish("a/session", vec![n], QoS::AtLeastOnce).await;
    }
    other.leave().await;
    let mut second = broker.client(kept()).await;
    let connected = second.events.next().await;
    assert!(
        matches!(
            connected,
            Some(Happening::Connected {
                session_present: true,
                ..
            })
        ),
        "{connected:?}"
    );
    for n in 0..3 {
        let came = timeout(Duration::from_secs(20), second.events.next()).await;
        let came = came.expect("it comes");
        let Some(Happening::Unclaimed(came)) = came else {
            panic!("{came:?}");
        };
        assert_eq!(came.payload[..], [n]);
    }
    second.leave().await;
    broker
        .client(broker.settings(version, "kept"))
        .await
        .leave()
        .await;
}

/// Dials, and can shut what it has dialed.
#[derive(Clone)]
struct Cuttable(SocketAddr, Rc<RefCell<Option<std::net::TcpStream>>>);

impl Cuttable {
    fn cut(&self) {
        if let Some(stream) = self.1.take() {
            // One that is shut already is what is wanted.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Dial for Cuttable {
    type Stream = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.0).await?.into_std()?;
        self.1.replace(Some(stream.try_clone()?));
        TcpStream::from_std(stream)
    }
}

/// Connections are cut while messages are under way both ways: each is published, and arrives as its QoS says.
async fn cut(broker: &Broker, version: Version, qos: QoS) {
    const MESSAGES: u16 = 300;
    for name in ["cutsender", "cutreader"] {
        broker
            .client(broker.settings(version, name))
            .await
            .leave()
            .await;
    }
    let way = || Cuttable(broker.address, Rc::default());
    let (out, back) = (way(), way());
    let settings = |name: &str| broker.settings(version, name).session(KEPT);
    let sender = Client::open(out.clone(), settings("cutsender")).await;
    let reader = Client::open(back.clone(), settings("cutreader")).await;
    if broker.fails("session/kept-without-subscription") {
        // Who has not subscribed has no session to come back to.
        drop(sender.subscribe("is/never", QoS::AtLeastOnce).await);
    }
    let mut messages = reader.subscribe("is/cut", qos).await;
    // Nobody would take these, and they would fill the room of messages.
    drop((sender.events, reader.events));
    let (sender, reader) = (sender.handle, (reader.handle, reader.driver));
    let publishing = async {
        let mut under_way = Vec::new();
        for n in 0..MESSAGES {
            let message = Message::new("is/cut", n.to_be_bytes().to_vec(), qos);
            under_way.push(sender.enqueue(message).await.expect("it is queued"));
            if n % 100 == 50 {
                out.cut();
            }
            if n % 100 == 80 {
                back.cut();
            }
            if n % 10 == 0 {
                sleep(Duration::from_millis(2)).await;
            }
        }
        for publication in under_way {
            let said = publication.await.expect("it is published");
            assert!(!said.is_error(), "{said}");
        }
    };
    let reading = async {
        let mut seen = vec![0; MESSAGES.into()];
        while seen.contains(&0) {
            let came = next(&mut messages).await;
            let n = u16::from_be_bytes([came.payload[0], came.payload[1]]);
            seen[usize::from(n)] += 1;
        }
        seen
    };
    let (seen, ()) = tokio::join!(reading, publishing);
    if qos == QoS::ExactlyOnce && !broker.fails("resume/2-pubrel-resent") {
        assert!(seen.iter().all(|times| *times == 1), "{seen:?}");
    }
    sender.disconnect().await;
    drop(messages);
    reader.0.disconnect().await;
    reader.1.await.expect("no panic");
}

#[test]
fn mosquitto() {
    with("mosquitto", &Version::ALL, QoS::ExactlyOnce);
}

#[test]
fn ejabberd() {
    with("ejabberd", &Version::ALL, QoS::ExactlyOnce);
}

#[test]
fn rabbitmq() {
    with("rabbitmq", &[Version::V3_1_1], QoS::AtLeastOnce);
}

#[test]
fn nats() {
    with("nats", &[Version::V3_1_1], QoS::AtLeastOnce);
}

#[test]
fn aedes() {
    with("aedes", &[Version::V3_1_1], QoS::ExactlyOnce);
}

/// A server of 3.1.1 cannot say how much it takes, and Mosquitto drops what does not fit into its 1,000 messages for a client:
/// what is in flight is capped, so nothing is dropped.
#[test]
fn twenty_thousand_messages_of_qos_2_at_once_all_arrive() {
    const MESSAGES: u32 = 20_000;
    let runtime = Builder::new_current_thread().enable_all().build();
    let story = async {
        let Some(broker) = Broker::start("mosquitto").await else {
            return;
        };
        let unbounded = |name| {
            broker
                .settings(Version::V3_1_1, name)
                .outgoing(QueueLimit::NONE)
        };
        let reader = broker.client(unbounded("reader")).await;
        let mut messages = reader.subscribe("many", QoS::ExactlyOnce).await;
        let sender = broker.client(unbounded("sender")).await;
        let queued = (0..MESSAGES).map(|n| {
            let message = Message::new("many", n.to_be_bytes().to_vec(), QoS::ExactlyOnce);
            sender.handle.try_publish(message).expect("there is room")
        });
        let queued: Vec<_> = queued.collect();
        let reading = async {
            for n in 0..MESSAGES {
                assert_eq!(next(&mut messages).await.payload[..], n.to_be_bytes());
            }
        };
        let publishing = async {
            for publication in queued {
                assert_eq!(publication.await, Ok(ReasonCode::SUCCESS));
            }
        };
        let both = async { tokio::join!(reading, publishing) };
        timeout(PATIENCE, both).await.expect("it goes on");
        drop(messages);
        sender.leave().await;
        reader.leave().await;
        broker.process.stop().await;
    };
    LocalSet::new().block_on(&runtime.expect("a runtime"), story);
}
