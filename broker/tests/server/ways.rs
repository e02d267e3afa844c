//! Real listeners of every kind: who never ends a handshake holds nobody up, and is sent away in time.

use super::*;
use rcgen::{CertificateParams, KeyPair};
use squall_transport::{
    Address, BoxStream, ClientTls, Listener, Listeners, ServerTls, TlsSettings, WEB_SOCKET_PATH,
};
use std::{fs, net::SocketAddr};
use tempfile::TempDir;

/// Listeners of every kind, and what a client has to know of them.
struct Ways {
    addresses: Vec<String>,
    /// The ports in the addresses, without the unix socket.
    ports: Vec<SocketAddr>,
    tls: ClientTls,
    log: Log,
    _folder: TempDir,
}

impl Ways {
    async fn open(config: Config) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        fs::write(path("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        let server = ServerTls::new(&path("cert.pem"), &path("key.pem"), None).unwrap();
        let tcp = || Listener::tcp("127.0.0.1:0".parse().unwrap());
        let all = vec![
            tcp().await.unwrap(),
            tcp().await.unwrap().tls(server.clone()),
            tcp().await.unwrap().web_socket(WEB_SOCKET_PATH),
            tcp().await.unwrap().web_socket(WEB_SOCKET_PATH).tls(server),
            Listener::unix(&path("s.sock")).await.unwrap(),
        ];
        let log = Log::default();
        let seen = Rc::clone(&log);
        let ways = Self {
            addresses: all.iter().map(ToString::to_string).collect(),
            ports: all.iter().filter_map(Listener::address).collect(),
            tls: ClientTls::new(&TlsSettings {
                ca: Some(path("cert.pem")),
                ..TlsSettings::default()
            })
            .unwrap(),
            log,
            _folder: folder,
        };
        let server = Server::new(Broker::new(config))
            .observer(move |at, event| seen.borrow_mut().push((at, event)));
        spawn_local(server.run(Listeners::new(all)));
        ways
    }

    async fn dial(&self, way: usize) -> BoxStream {
        let address = Address::parse(&self.addresses[way]).unwrap();
        let endpoints = address.resolve(Some(&self.tls)).await.unwrap();
        endpoints[0].dial().await.unwrap()
    }

    async fn client(&self, way: usize, client_id: &str, keep_alive: u16) -> Peer<BoxStream> {
        let mut peer = Peer::new(self.dial(way).await);
        let packet = encode(&connect(client_id, keep_alive), Version::V5_0).unwrap();
        peer.stream.write_all(&packet).await.unwrap();
        peer.stream.flush().await.unwrap();
        assert!(matches!(peer.next().await, Some(Packet::ConnAck(_))));
        peer
    }

    /// How connections have ended so far.
    fn ends(&self) -> Vec<CloseCause> {
        let log = self.log.borrow();
        let causes = log.iter().filter_map(|(_, event)| match event {
            Event::Closed { cause, .. } => Some(*cause),
            _ => None,
        });
        causes.collect()
    }
}

/// The beginning of a ClientHello, of a request for WebSocket, of a CONNECT.
const HALVES: [&[u8]; 4] = [
    b"",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
    b"GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: webso",
    b"\x10\x10\x00\x04MQ",
];

#[test]
fn half_a_handshake_holds_nobody_up_and_is_given_up_in_time() {
    real_story(async {
        let limit = Duration::from_secs(2);
        let ways = Ways::open(Config {
            connect_timeout: limit,
            ..Config::default()
        })
        .await;
        let begun = Instant::now();
        let mut halves = Vec::new();
        for half in HALVES.repeat(10) {
            for port in &ways.ports {
                let mut stream = TcpStream::connect(port).await.unwrap();
                stream.write_all(half).await.unwrap();
                halves.push(stream);
            }
        }
        // Who ends its handshake and says nothing is no better.
        let mut silent = Vec::new();
        for way in 0..ways.addresses.len() {
            silent.push(ways.dial(way).await);
        }
        for way in 0..ways.addresses.len() {
            let name = format!("c{way}");
            let client = ways.client(way, &name, 0);
            let client = timeout(Duration::from_secs(1), client).await;
            client.expect("it waits for others").ping_now().await;
        }
        assert!(
            begun.elapsed() < limit,
            "too slow for a test to say anything"
        );
        for stream in &mut halves {
            // What is no beginning of what the listener speaks may be refused with a reset, or with a word.
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
            assert!(said.len() < 1000, "{said:?}");
        }
        for stream in &mut silent {
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
        }
        let took = begun.elapsed();
        assert!(took >= limit, "it was given up after {took:?}");
        assert!(took < 3 * limit, "it was given up only after {took:?}");
        let late = |cause: &CloseCause| *cause == CloseCause::ConnectTimeout;
        // Halves where they are halves of what is spoken: of nothing, and of one thing, at each port; and the silent ones.
        let given_up = ways.ends().iter().filter(|cause| late(cause)).count();
        assert!(given_up >= 2 * 10 * ways.ports.len(), "{given_up}");
    });
}

#[test]
fn who_vanishes_is_missed_on_every_way() {
    real_story(async {
        let ways = Ways::open(Config::default()).await;
        let mut silent = Vec::new();
        for way in 0..ways.addresses.len() {
            // One leaves without a word, of MQTT or of what is below; the other is just not there any more.
            drop(ways.client(way, &format!("gone{way}"), 0).await);
            silent.push(ways.client(way, &format!("silent{way}"), 1).await);
        }
        sleep(Duration::from_millis(300)).await;
        let hung_up = |cause: &&CloseCause| matches!(cause, CloseCause::Peer(_));
        assert_eq!(
            ways.ends().iter().filter(hung_up).count(),
            ways.addresses.len()
        );
        for mut client in silent {
            let told = client.next().await;
            let Some(Packet::Disconnect(told)) = told else {
                panic!("{told:?}")
            };
            assert_eq!(told.reason, ReasonCode::KEEP_ALIVE_TIMEOUT);
            assert_eq!(client.next().await, None);
        }
    });
}

impl Peer<BoxStream> {
    async fn ping_now(&mut self) {
        let bytes = encode(&Packet::PingReq, Version::V5_0).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
        self.stream.flush().await.unwrap();
        assert_eq!(self.next().await, Some(Packet::PingResp));
    }
}
