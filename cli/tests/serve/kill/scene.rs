//! What the clients of a story share.

use super::*;
use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize},
    },
};

/// Numbers from a seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// One below `end`. (SplitMix64.)
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// A message: who published it, its number there, and its QoS.
pub(super) type Name = (String, u64, QoS);

/// What the clients of a story share.
pub(super) struct Scene {
    address: String,
    pub(super) publishing: AtomicBool,
    pub(super) over: AtomicBool,
    pub(super) subscribed: AtomicUsize,
    faults: Mutex<Vec<String>>,
    /// What each subscriber was given, in order.
    delivered: Mutex<BTreeMap<String, Vec<Name>>>,
}

impl Scene {
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            publishing: AtomicBool::new(true),
            over: AtomicBool::new(false),
            subscribed: AtomicUsize::new(0),
            faults: Mutex::default(),
            delivered: Mutex::default(),
        }
    }

    /// Something that ends the story when it is dropped.
    pub(super) const fn end_when_dropped(&self) -> End<'_> {
        End(&self.over)
    }

    pub(super) fn fault(&self, what: String) {
        self.faults.lock().expect("nobody panics").push(what);
    }

    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.lock().expect("nobody panics").clone()
    }

    pub(super) fn deliver(&self, to: &str, what: Name) {
        let mut delivered = self.delivered.lock().expect("nobody panics");
        delivered.entry(to.to_owned()).or_default().push(what);
    }

    /// Waits for something; a fault if it does not come.
    pub(super) fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > PATIENCE {
                return self.fault(format!("not everything was {what} within {PATIENCE:?}"));
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// Lets everybody go if something did not come.
    pub(super) fn give_up_if_late(&self) {
        if !self.faults().is_empty() {
            self.over.store(true, SeqCst);
        }
    }

    /// Whether everybody was given everything.
    pub(super) fn has_delivered(&self, expected: &BTreeMap<Name, ()>) -> bool {
        let delivered = self.delivered.lock().expect("nobody panics");
        let whole = |given: &Vec<Name>| {
            // Most of the time it is too few, which is cheap to see.
            given.len() >= expected.len()
                && given
                    .iter()
                    .collect::<std::collections::BTreeSet<_>>()
                    .len()
                    == expected.len()
        };
        delivered.len() == Version::ALL.len() && delivered.values().all(whole)
    }

    /// Holds what was delivered against what was acknowledged; gives how many deliveries there were.
    pub(super) fn judge(&self, expected: &BTreeMap<Name, ()>) -> usize {
        let delivered = self.delivered.lock().expect("nobody panics");
        for (to, given) in &*delivered {
            let mut times: BTreeMap<&Name, u32> = BTreeMap::new();
            for name in given {
                *times.entry(name).or_default() += 1;
            }
            for name in expected.keys() {
                match (name.2, times.get(name).copied().unwrap_or_default()) {
                    (_, 0) => {
                        self.fault(format!("{name:?} was acknowledged and never reached {to}"))
                    }
                    (QoS::ExactlyOnce, 2..) => self.fault(format!("{name:?} reached {to} twice")),
                    _ => {}
                }
            }
            let mut last: BTreeMap<&str, u64> = BTreeMap::new();
            // [MQTT-4.6.0-6]
            for (from, number, _) in given.iter().filter(|name| name.2 == QoS::ExactlyOnce) {
                if let Some(before) = last.insert(from, *number).filter(|before| before >= number) {
                    self.fault(format!("{from} {number} reached {to} after {before}"));
                }
            }
        }
        if delivered.len() < Version::ALL.len() {
            self.fault("a subscriber was given nothing".to_owned());
        }
        delivered.values().map(Vec::len).sum()
    }

    /// Dials until the broker lets the client in; `None` when the story is over. `known` says whether there is a session.
    pub(super) fn come_back(
        &self,
        version: Version,
        client_id: &str,
        known: &mut bool,
    ) -> Option<Link> {
        while !self.over.load(SeqCst) {
            if let Ok(mut link) = Link::open(&self.address, version)
                && link.send(&Packet::Connect(Box::new(lasting(version, client_id))))
                && let Some(Packet::ConnAck(ack)) = link.wait(self)
            {
                if ack.reason != ReasonCode::SUCCESS {
                    self.fault(format!("{client_id} was refused: {ack:?}"));
                }
                // [MQTT-3.2.2-2]
                if *known && !ack.session_present {
                    self.fault(format!("the session of {client_id} was forgotten"));
                }
                *known = true;
                return Some(link);
            }
            sleep(Duration::from_millis(2));
        }
        None
    }
}

/// Ends the story when it is dropped.
pub(super) struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// A connection that may end at any time.
pub(super) struct Link {
    client: Client,
}

/// What comes next on a connection.
pub(super) enum Next {
    Packet(Packet),
    /// Nothing has come for some milliseconds.
    Nothing,
    Ended,
}

impl Link {
    fn open(address: &str, version: Version) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let client = Client::over(stream, version);
        client
            .stream
            .set_read_timeout(Some(Duration::from_millis(10)))?;
        client.stream.set_nodelay(true)?;
        Ok(Self { client })
    }

    /// Whether it was taken.
    pub(super) fn send(&mut self, packet: &Packet) -> bool {
        let bytes = encode(packet, self.client.version).expect("it can be written");
        self.client.stream.write_all(&bytes).is_ok()
    }

    pub(super) fn next(&mut self) -> Next {
        let mut buffer = [0; 1 << 14];
        loop {
            let packet = self.client.decoder.next_packet();
            if let Some(packet) = packet.expect("it keeps to the standard") {
                return Next::Packet(packet);
            }
            match self.client.stream.read(&mut buffer) {
                Ok(0) => return Next::Ended,
                Ok(n) => self.client.decoder.push(&buffer[..n]),
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    return Next::Nothing;
                }
                Err(_) => return Next::Ended,
            }
        }
    }

    /// The next packet; `None` at the end of the connection or of the story.
    pub(super) fn wait(&mut self, scene: &Scene) -> Option<Packet> {
        loop {
            match self.next() {
                Next::Packet(packet) => return Some(packet),
                Next::Ended => return None,
                Next::Nothing if scene.over.load(SeqCst) => return None,
                Next::Nothing => {}
            }
        }
    }
}
