//! Plays a part with rumqttc: interop URL CA VERSION NAME qos|retained|session|will
//!
//! Everything below NAME is its own. What the library calls an error goes to standard error, and ends it.

use std::{collections::VecDeque, env::args, fs, process::exit, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is said on the command line.
struct Place {
    url: String,
    host: String,
    port: u16,
    ca: Vec<u8>,
    name: String,
}

impl Place {
    /// The address as the library wants it: whole for WebSocket, else the host.
    fn address(&self) -> &str {
        if self.url.starts_with("ws") { &self.url } else { &self.host }
    }

    fn transport(&self) -> rumqttc::Transport {
        let ca = || self.ca.clone();
        match self.url.split_once(':').map_or("", |(scheme, _)| scheme) {
            "mqtts" => rumqttc::Transport::tls(ca(), None, None),
            "ws" => rumqttc::Transport::ws(),
            "wss" => rumqttc::Transport::wss(ca(), None, None),
            _ => rumqttc::Transport::tcp(),
        }
    }
}

/// A message as it came: topic, payload, QoS and RETAIN.
type Came = (String, Vec<u8>, u8, bool);

/// What the library tells of a connection.
#[derive(Debug)]
enum Told {
    Connected(bool),
    Acknowledged,
    Subscribed(String),
    Message(Came),
    Ended(String),
}

/// Both clients of the library have the same words, with types of their own.
macro_rules! person {
    ($module:ident, $($library:ident)::+, $kept:ident, $options:ident, $clean:ident, $keep:expr, $topic:expr, $will:expr) => {
        mod $module {
            use super::{Place, Told};
            use rumqttc::Outgoing;
            use $($library)::+::{AsyncClient, Event, EventLoop, Incoming, MqttOptions};
            use tokio::sync::mpsc::UnboundedSender;

            pub struct Asks(AsyncClient);

            pub fn connect(place: &Place, who: &str, $clean: bool, will: Option<String>, tell: UnboundedSender<Told>) -> Asks {
                let mut $options = MqttOptions::new(format!("{}-{who}", place.name), place.address(), place.port);
                $options.set_transport(place.transport());
                $keep;
                if let Some(topic) = will {
                    $options.set_last_will($will(topic));
                }
                let (client, events) = AsyncClient::new($options, 100);
                tokio::spawn(listen(events, tell));
                Asks(client)
            }

            async fn listen(mut events: EventLoop, tell: UnboundedSender<Told>) {
                loop {
                    let told = match events.poll().await {
                        Ok(Event::Incoming(Incoming::ConnAck(ack))) => Told::Connected(ack.session_present),
                        Ok(Event::Incoming(Incoming::PubAck(_) | Incoming::PubComp(_))) => Told::Acknowledged,
                        Ok(Event::Outgoing(Outgoing::Publish(0))) => Told::Acknowledged,
                        Ok(Event::Incoming(Incoming::SubAck(ack))) => Told::Subscribed(format!("{:?}", ack.return_codes)),
                        Ok(Event::Incoming(Incoming::Publish(m))) => {
                            Told::Message(($topic(&m.topic), m.payload.to_vec(), m.qos as u8, m.retain))
                        }
                        Ok(_) => continue,
                        Err(error) => {
                            // Whoever has left does not listen.
                            let _ = tell.send(Told::Ended(error.to_string()));
                            return;
                        }
                    };
                    if tell.send(told).is_err() {
                        return;
                    }
                }
            }

            impl Asks {
                pub async fn publish(&self, topic: String, payload: &[u8], qos: u8, retain: bool) {
                    self.0.publish(topic, super::$kept(qos), retain, payload.to_vec()).await.expect("the event loop runs");
                }

                pub async fn subscribe(&self, filter: String, qos: u8) {
                    self.0.subscribe(filter, super::$kept(qos)).await.expect("the event loop runs");
                }

                pub async fn leave(&self) {
                    self.0.disconnect().await.expect("the event loop runs");
                }
            }
        }
    };
}

person!(
    old,
    rumqttc,
    qos_of_3_1_1,
    options,
    clean,
    options.set_clean_session(clean).set_max_packet_size(1 << 20, 1 << 20),
    |topic: &String| topic.clone(),
    |topic: String| rumqttc::LastWill::new(topic, "gone", rumqttc::QoS::AtLeastOnce, true)
);
person!(
    new,
    rumqttc::v5,
    qos_of_5_0,
    options,
    clean,
    options
        .set_clean_start(clean)
        .set_session_expiry_interval(Some(if clean { 0 } else { 600 }))
        .set_max_packet_size(Some(1 << 20)),
    |topic: &[u8]| String::from_utf8_lossy(topic).into_owned(),
    |topic: String| rumqttc::v5::mqttbytes::v5::LastWill::new(
        topic,
        "gone",
        rumqttc::v5::mqttbytes::QoS::AtLeastOnce,
        true,
        None
    )
);

fn qos_of_3_1_1(qos: u8) -> rumqttc::QoS {
    use rumqttc::QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
    [AtMostOnce, AtLeastOnce, ExactlyOnce][usize::from(qos)]
}

fn qos_of_5_0(qos: u8) -> rumqttc::v5::mqttbytes::QoS {
    use rumqttc::v5::mqttbytes::QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
    [AtMostOnce, AtLeastOnce, ExactlyOnce][usize::from(qos)]
}

/// One of both clients.
enum Asks {
    Old(old::Asks),
    New(new::Asks),
}

/// The library's client of the version that was asked for, connected.
struct Person {
    asks: Asks,
    told: mpsc::UnboundedReceiver<Told>,
    inbox: VecDeque<Came>,
    present: bool,
    name: String,
}

/// Does the same with either client.
macro_rules! ask {
    ($asks:expr, $($call:tt)*) => {
        match $asks {
            Asks::Old(asks) => asks.$($call)*.await,
            Asks::New(asks) => asks.$($call)*.await,
        }
    };
}

impl Person {
    async fn new(place: &Place, five: bool, who: &str, clean: bool, will: Option<&str>) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let will = will.map(|last| format!("{}/{last}", place.name));
        let asks = if five {
            Asks::New(new::connect(place, who, clean, will, tell))
        } else {
            Asks::Old(old::connect(place, who, clean, will, tell))
        };
        let mut person = Self { asks, told, inbox: VecDeque::new(), present: false, name: place.name.clone() };
        person.present =
            person.hear(|told| if let Told::Connected(present) = told { Some(*present) } else { None }).await;
        person
    }

    /// Waits until the library tells this, and keeps messages meanwhile.
    async fn hear<T>(&mut self, wanted: impl Fn(&Told) -> Option<T>) -> T {
        loop {
            let told = timeout(PATIENCE, self.told.recv()).await;
            let Ok(Some(told)) = told else { failed("the library tells nothing any more") };
            if let Some(found) = wanted(&told) {
                return found;
            }
            match told {
                Told::Message(message) => self.inbox.push_back(message),
                Told::Ended(why) => failed(&why),
                other => failed(&format!("{other:?}")),
            }
        }
    }

    async fn subscribe(&mut self, last: &str, qos: u8) {
        let filter = format!("{}/{last}", self.name);
        ask!(&self.asks, subscribe(filter, qos));
        let granted =
            self.hear(|told| if let Told::Subscribed(codes) = told { Some(codes.clone()) } else { None }).await;
        assert_eq!(granted, format!("[Success({:?})]", qos_of_5_0(qos)));
    }

    async fn publish(&mut self, last: &str, payload: &[u8], qos: u8, retain: bool) {
        let topic = format!("{}/{last}", self.name);
        ask!(&self.asks, publish(topic, payload, qos, retain));
        self.hear(|told| matches!(told, Told::Acknowledged).then_some(())).await;
    }

    async fn hears(&mut self, last: &str, payload: &[u8], qos: u8, retain: bool) {
        let came = match self.inbox.pop_front() {
            Some(came) => came,
            None => self.hear(|told| if let Told::Message(came) = told { Some(came.clone()) } else { None }).await,
        };
        assert_eq!(came, (format!("{}/{last}", self.name), payload.to_vec(), qos, retain));
    }

    async fn leave(mut self) {
        ask!(&self.asks, leave());
        self.hear(|told| matches!(told, Told::Ended(_)).then_some(())).await;
        assert!(self.inbox.is_empty());
    }
}

fn failed(why: &str) -> ! {
    eprintln!("{why}");
    exit(1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // The library leaves the choice to others.
    tokio_rustls::rustls::crypto::ring::default_provider().install_default().expect("it is the first");
    let said: Vec<String> = args().skip(1).collect();
    let [url, ca, version, name, part] = &said[..] else { failed("URL CA VERSION NAME PART are wanted") };
    let place = url.split_once("://").map_or("", |(_, place)| place).split('/').next().unwrap_or_default();
    let (host, port) = place.split_once(':').unwrap_or((place, ""));
    let Ok(port) = port.parse() else { failed("the address has no port") };
    let ca = fs::read(ca).unwrap_or_else(|error| failed(&format!("{ca}: {error}")));
    let place = &Place { url: url.clone(), host: host.to_owned(), port, ca, name: name.clone() };
    let five = version == "5.0";
    match part.as_str() {
        "qos" => each_qos(place, five).await,
        "retained" => retained(place, five).await,
        "session" => session(place, five).await,
        "will" => {
            Person::new(place, five, "dies", true, Some("will")).await;
            println!("will done");
            exit(0)
        }
        other => failed(&format!("there is no part {other}")),
    }
    println!("{part} done");
}

async fn each_qos(place: &Place, five: bool) {
    let mut one = Person::new(place, five, "one", true, None).await;
    one.subscribe("qos/#", 2).await;
    let all: Vec<u8> = (0..=255).collect();
    for qos in 0..=2 {
        for payload in [&b""[..], &all, &[b'x'; 100_000]] {
            one.publish(&format!("qos/{qos}"), payload, qos, false).await;
            one.hears(&format!("qos/{qos}"), payload, qos, false).await;
        }
    }
    one.leave().await;
}

async fn retained(place: &Place, five: bool) {
    let mut one = Person::new(place, five, "one", true, None).await;
    let mut other = Person::new(place, five, "other", true, None).await;
    one.publish("retained", b"there", 1, true).await;
    other.subscribe("retained", 2).await;
    other.hears("retained", b"there", 1, true).await;
    one.publish("retained", b"", 1, true).await;
    other.hears("retained", b"", 1, false).await;
    let mut late = Person::new(place, five, "late", true, None).await;
    late.subscribe("retained", 1).await;
    late.publish("retained", b"new", 1, false).await;
    late.hears("retained", b"new", 1, false).await;
    // Who is not asked for anything more may have got what came last.
    other.hears("retained", b"new", 1, false).await;
    for person in [one, other, late] {
        person.leave().await;
    }
}

async fn session(place: &Place, five: bool) {
    Person::new(place, five, "away", true, None).await.leave().await;
    let mut away = Person::new(place, five, "away", false, None).await;
    assert!(!away.present);
    away.subscribe("session", 2).await;
    away.leave().await;
    let mut other = Person::new(place, five, "other", true, None).await;
    for qos in [1, 2] {
        other.publish("session", b"kept", qos, false).await;
    }
    other.leave().await;
    let mut away = Person::new(place, five, "away", false, None).await;
    assert!(away.present);
    for qos in [1, 2] {
        away.hears("session", b"kept", qos, false).await;
    }
    away.leave().await;
    Person::new(place, five, "away", true, None).await.leave().await;
}
