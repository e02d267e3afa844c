//! What a run has left in the target so far: sessions and retained messages, each entered before the packet goes out
//! that makes it, and struck out once it is certainly gone. Whatever becomes of a check, the ledger knows what to tidy
//! up, and what could not be tidied up is named.

use crate::target::credentials::{Secret, connect};
use bytes::Bytes;
use squall_client::probe::{Heard, Journal, Probe};
use squall_protocol::{
    Packet, Properties, QoS, ReasonCode, Text, Version, encode,
    packet::{Connect, Publish},
};
use squall_transport::{Credentials, Endpoint};
use std::{cell::RefCell, collections::VecDeque, fmt, rc::Rc, time::Duration};
use tokio::task::JoinSet;

/// Sessions that are ended at the same time.
const LANES: usize = 16;

/// Something that a run may have left in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// A session under this Client Identifier, which need not be UTF-8.
    Session(Bytes, Version),
    /// Perhaps a session under a Client Identifier that the server chose: it has not told, or its answer was not waited
    /// for.
    NamelessSession(Version),
    /// A retained message on this topic.
    Retained(String, Version),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id, version) => match std::str::from_utf8(id) {
                Ok(id) => write!(f, "session `{}` (MQTT {version})", id.escape_debug()),
                Err(_) => write!(f, "session `{}` (MQTT {version})", id.escape_ascii()),
            },
            Self::NamelessSession(version) => write!(
                f,
                "perhaps a session under a Client Identifier that the server chose (MQTT {version})"
            ),
            Self::Retained(topic, _) => {
                write!(f, "retained message on `{}`", topic.escape_debug())
            }
        }
    }
}

/// Whose entry it is: a check, and which of its cases (0 for the check itself).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) check: usize,
    pub(crate) case: usize,
}

impl Owner {
    /// Whether what belongs to `other` is to be tidied up with this: a check answers for its cases.
    fn covers(self, other: Self) -> bool {
        self.check == other.check && (self.case == 0 || self.case == other.case)
    }
}

/// The entries of all checks of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger(RefCell<Vec<(Owner, Leftover)>>);

impl Ledger {
    pub(crate) fn enter(&self, owner: Owner, what: Leftover) {
        let entry = (owner, what);
        let mut entries = self.0.borrow_mut();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }

    /// It is certain that `what` is not there, or has another entry.
    pub(crate) fn strike(&self, owner: Owner, what: &Leftover) {
        self.0
            .borrow_mut()
            .retain(|(whose, entry)| !(*whose == owner && entry == what));
    }

    pub(crate) fn has(&self, owner: Owner, what: &Leftover) -> bool {
        let entries = self.0.borrow();
        entries
            .iter()
            .any(|(whose, entry)| *whose == owner && entry == what)
    }

    /// Enters what a server keeps that accepts this CONNECT.
    pub(crate) fn connecting(&self, owner: Owner, connect: &Connect) {
        let expiry = connect.properties.session_expiry_interval().unwrap_or(0);
        let retains = connect.will.as_ref().filter(|will| will.retain);
        // A will that is still to come goes out when its client is taken over, so that client has an entry too.
        if !connect.clean_start || expiry > 0 || retains.is_some() {
            let id = Bytes::copy_from_slice(connect.client_id.as_bytes());
            self.enter(owner, session(id, connect.version));
        }
        if let Some(will) = retains {
            let topic = will.topic.to_string();
            self.enter(owner, Leftover::Retained(topic, connect.version));
        }
    }

    fn of(&self, owner: Owner) -> Vec<(Owner, Leftover)> {
        let entries = self.0.borrow();
        entries
            .iter()
            .filter(|(whose, _)| owner.covers(*whose))
            .cloned()
            .collect()
    }

    /// All that is in the ledger, each thing once.
    pub(crate) fn all(&self) -> Vec<Leftover> {
        let mut all = Vec::new();
        for (_, what) in self.0.borrow().iter() {
            if !all.contains(what) {
                all.push(what.clone());
            }
        }
        all
    }
}

/// A session under this Client Identifier; under an empty one the server chooses.
pub(crate) fn session(id: Bytes, version: Version) -> Leftover {
    match id.is_empty() {
        true => Leftover::NamelessSession(version),
        false => Leftover::Session(id, version),
    }
}

/// How the target is reached for tidying up.
#[derive(Clone, Debug)]
pub(crate) struct Broom {
    pub(crate) endpoint: Endpoint,
    /// What its client says to be let in.
    pub(crate) credentials: Option<Credentials>,
    /// How long one answer is waited for.
    pub(crate) wait: Duration,
    /// A Client Identifier that nobody else has.
    pub(crate) id: String,
}

impl Broom {
    /// Ends the sessions and clears the retained messages that `owner` answers for, of everybody without one.
    /// What is gone is struck out, what is not stays in the ledger.
    pub(crate) async fn tidy(&self, ledger: &Rc<Ledger>, owner: Option<Owner>) {
        let entries = match owner {
            Some(owner) => ledger.of(owner),
            None => ledger.0.borrow().clone(),
        };
        let (sessions, retained): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|(_, what)| !matches!(what, Leftover::Retained(..)));
        // Sessions first: the end of one may publish a will, which may be a retained message.
        let mut waiting: VecDeque<_> = sessions.into();
        let mut running = JoinSet::new();
        loop {
            while running.len() < LANES {
                let Some((owner, what)) = waiting.pop_front() else {
                    break;
                };
                let (broom, ledger) = (self.clone(), Rc::clone(ledger));
                running.spawn_local(async move { broom.end_session(&ledger, owner, &what).await });
            }
            if running.join_next().await.is_none() {
                break;
            }
        }
        for version in Version::ALL {
            let of_version =
                |what: &Leftover| matches!(what, Leftover::Retained(_, v) if *v == version);
            let some: Vec<_> = retained.iter().filter(|(_, w)| of_version(w)).collect();
            if !some.is_empty() && self.clear(version, &some).await {
                for (owner, what) in some {
                    ledger.strike(*owner, what);
                }
            }
        }
    }

    /// Connects under the Client Identifier with a clean session and leaves.
    async fn end_session(&self, ledger: &Ledger, owner: Owner, what: &Leftover) {
        let Leftover::Session(id, version) = what else {
            return;
        };
        let Ok(mut probe) = self.open(*version).await else {
            return;
        };
        let sent = match std::str::from_utf8(id) {
            Ok(id) => {
                probe
                    .send(&clean(id, *version, self.credentials.as_ref()))
                    .await
            }
            Err(_) => match raw_clean(id, *version, self.credentials.as_ref()) {
                Some(bytes) => probe.send_raw("CONNECT", &bytes).await,
                None => return,
            },
        };
        if sent.is_err() {
            return;
        }
        if let Heard::Packet(Packet::ConnAck(connack)) = probe.next(self.wait).await
            && connack.reason == ReasonCode::SUCCESS
        {
            // What is there now ends with this connection.
            ledger.strike(owner, what);
            probe.disconnect(self.wait / 2).await;
        }
    }

    /// Clears retained messages; whether the server has certainly done so.
    async fn clear(&self, version: Version, entries: &[&(Owner, Leftover)]) -> bool {
        let Ok(mut probe) = self.open(version).await else {
            return false;
        };
        let own = clean(&self.id, version, self.credentials.as_ref());
        if probe.send(&own).await.is_err() {
            return false;
        }
        match probe.next(self.wait).await {
            Heard::Packet(Packet::ConnAck(connack)) if connack.reason == ReasonCode::SUCCESS => {}
            _ => return false,
        }
        for (_, what) in entries {
            let Leftover::Retained(topic, _) = what else {
                continue;
            };
            let empty = Publish {
                dup: false,
                qos: QoS::AtMostOnce,
                retain: true,
                topic: Text::from(topic.as_str()),
                packet_id: None,
                properties: Properties::new(),
                payload: Bytes::new(),
            };
            if probe.send(&Packet::Publish(empty)).await.is_err() {
                return false;
            }
        }
        let done = probe.fence(self.wait).await.reached();
        if done {
            probe.disconnect(self.wait / 2).await;
        }
        done
    }

    async fn open(&self, version: Version) -> Result<Probe, squall_client::probe::ProbeError> {
        let mut probe =
            Probe::connect_as(self.endpoint.clone(), self.wait, &Journal::new(), "tidy up").await?;
        probe.speak(version);
        Ok(probe)
    }
}

/// A CONNECT with a session that ends with the connection.
fn clean(id: &str, version: Version, credentials: Option<&Credentials>) -> Packet {
    Packet::Connect(Box::new(connect(version, id, credentials)))
}

/// The same for an identifier that is no text: a server that took it once takes it again. `None` for one so long that
/// no field holds it.
fn raw_clean(id: &[u8], version: Version, credentials: Option<&Credentials>) -> Option<Vec<u8>> {
    // A stand-in of the same length is written, and its bytes are replaced.
    let standing_in = "x".repeat(id.len());
    let mut bytes = encode(&clean(&standing_in, version, credentials), version)
        .ok()?
        .to_vec();
    let after = credentials.map_or(0, |c| c.fields().1.len());
    let end = bytes.len() - after;
    bytes[end - id.len()..end].copy_from_slice(id);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::Property;

    const MAIN: Owner = Owner { check: 1, case: 0 };
    const CASE: Owner = Owner { check: 1, case: 7 };

    fn kept(id: &str) -> Leftover {
        session(Bytes::copy_from_slice(id.as_bytes()), Version::V5_0)
    }

    #[test]
    fn a_check_answers_for_its_cases_and_a_case_for_itself() {
        let ledger = Ledger::default();
        let other = Owner { check: 2, case: 0 };
        for (owner, id) in [(MAIN, "a"), (CASE, "b"), (other, "c"), (MAIN, "a")] {
            ledger.enter(owner, kept(id));
        }
        let names = |owner| ledger.of(owner).len();
        assert_eq!((names(MAIN), names(CASE), names(other)), (2, 1, 1));
        ledger.strike(CASE, &kept("b"));
        ledger.strike(CASE, &kept("a"));
        assert_eq!(ledger.all(), [kept("a"), kept("c")]);
    }

    #[test]
    fn what_a_connect_leaves_is_entered() {
        let entered = |change: fn(&mut Connect)| {
            let Packet::Connect(mut connect) = clean("me", Version::V5_0, None) else {
                panic!("it is a CONNECT");
            };
            change(&mut connect);
            let ledger = Ledger::default();
            ledger.connecting(MAIN, &connect);
            ledger.all()
        };
        assert_eq!(entered(|_| {}), []);
        assert_eq!(entered(|c| c.clean_start = false), [kept("me")]);
        assert_eq!(
            entered(|c| c.properties.push(Property::SessionExpiryInterval(9))),
            [kept("me")]
        );
        let nameless = entered(|c| {
            c.clean_start = false;
            c.client_id = Text::from("");
        });
        assert_eq!(nameless, [Leftover::NamelessSession(Version::V5_0)]);
        let will = entered(|c| {
            c.will = Some(squall_protocol::packet::Will {
                topic: Text::from("t"),
                payload: Bytes::new(),
                qos: QoS::AtMostOnce,
                retain: true,
                properties: Properties::new(),
            });
        });
        let retained = Leftover::Retained("t".to_owned(), Version::V5_0);
        assert_eq!(will, [kept("me"), retained]);
    }

    #[test]
    fn an_identifier_that_is_no_text_is_sent_as_it_is() {
        let bytes = raw_clean(b"a\xFF", Version::V3_1_1, None).unwrap();
        assert_eq!(bytes, b"\x10\x0E\0\x04MQTT\x04\x02\0\x3C\0\x02a\xFF");
        let login = Credentials::new("u", Some(b"p"));
        let bytes = raw_clean(b"a\xFF", Version::V3_1_1, Some(&login)).unwrap();
        let expected = b"\x10\x14\0\x04MQTT\x04\xC2\0\x3C\0\x02a\xFF\0\x01u\0\x01p";
        assert_eq!(bytes, expected);
        let named = Leftover::Session(Bytes::from_static(b"a\xFF"), Version::V3_1_1);
        assert_eq!(named.to_string(), "session `a\\xff` (MQTT 3.1.1)");
        assert_eq!(kept("a\x1B").to_string(), "session `a\\u{1b}` (MQTT 5.0)");
    }
}
