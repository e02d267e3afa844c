//! The first CONNECT of each version: what the target offers, and whether it speaks MQTT at all.

use crate::{
    naming::run_name,
    options::Options,
    outcome::{Outcome, inconclusive},
    party::{refused, wants_credentials},
    stranger::{Seems, quoted_in_full, seems, words},
    target::credentials::connect,
};
use squall_client::probe::{Heard, Probe};
use squall_protocol::{Packet, PacketType, ReasonCode, Version, encode, packet::ConnAck};
use squall_transport::{Credentials, Endpoint};
use std::rc::Rc;
use tokio::time::Instant;

/// What the target says to a CONNECT of a version.
#[derive(Clone, Debug)]
pub(crate) enum Offer {
    /// It lets clients in.
    Accepted(Rc<ConnAck>),
    /// It says, or shows by closing, that it does not speak the version.
    Unsupported { how: String, answered: bool },
    /// Its CONNACK breaks the standard.
    Broken(String),
    /// Nothing can be found out; the outcome says why.
    Useless(Outcome),
    /// It does not let these clients in, and says so with this code.
    Refused(ReasonCode),
    /// It said nothing at all; the outcome says so.
    Nothing(Outcome),
}

impl Offer {
    /// Whether anything came that may be MQTT.
    const fn speaks_mqtt(&self) -> bool {
        match self {
            Self::Accepted(_) | Self::Broken(_) | Self::Useless(_) | Self::Refused(_) => true,
            Self::Unsupported { answered, .. } => *answered,
            Self::Nothing(_) => false,
        }
    }
}

/// Why nothing that is said there can be judged.
pub(crate) enum Strange {
    /// It is no MQTT server; what it seems to be.
    Seems(String),
    /// What is spoken below MQTT came to nothing when MQTT began, as where TLS 1.3 misses a client's certificate; why.
    Below(String),
}

/// Tries every version of [`Version::ALL`] beside each other: whether a refusal is about the version, or the server is
/// none of MQTT, shows only by the other one.
///
/// # Errors
/// What the server seems to be, or what is in the way, when it gave neither version anything that may be MQTT.
pub(crate) async fn explore(
    endpoint: &Endpoint,
    credentials: Option<&Credentials>,
    options: &Options,
) -> Result<[Offer; 2], Strange> {
    let [old, new] = Version::ALL;
    let (a, b) = tokio::join!(
        greet(endpoint, old, credentials, options),
        greet(endpoint, new, credentials, options)
    );
    let ((a, a_strange), (b, b_strange)) = (a, b);
    let speaks = a_strange.is_none() && a.speaks_mqtt() || b_strange.is_none() && b.speaks_mqtt();
    if let (Some(strange), false) = (a_strange.or(b_strange), speaks) {
        return Err(strange);
    }
    let works = |offer: &Offer| matches!(offer, Offer::Accepted(_));
    // A server of one version alone may simply hang up on the other.
    let settle = |offer: Offer, other_works: bool| match offer {
        Offer::Unsupported { how, .. } if !other_works => Offer::Useless(inconclusive(how)),
        offer => offer,
    };
    let (a_works, b_works) = (works(&a), works(&b));
    Ok([settle(a, b_works), settle(b, a_works)])
}

/// Sends a CONNECT of a version. With the offer comes why what the server says cannot be MQTT, if so.
async fn greet(
    endpoint: &Endpoint,
    version: Version,
    credentials: Option<&Credentials>,
    options: &Options,
) -> (Offer, Option<Strange>) {
    let deadline = Instant::now() + options.first_answer;
    let nothing = |text: String| (Offer::Nothing(inconclusive(text)), None);
    let mut probe = match Probe::connect(endpoint.clone(), options.first_answer).await {
        Ok(probe) => probe,
        Err(error) => return nothing(error.to_string()),
    };
    let id = format!("{}v{}", run_name(), version.level());
    let connect = Packet::Connect(Box::new(connect(version, &id, credentials)));
    let sent = match encode(&connect, version) {
        Ok(bytes) => bytes,
        Err(error) => return nothing(error.to_string()),
    };
    let gone = probe.send(&connect).await.err();
    // Also where the CONNECT could not be sent: a server that greets and hangs up has said what it is.
    let heard = probe.next(options.first_answer).await;
    let whole = matches!(heard, Heard::Packet(_) | Heard::Flood);
    let strange = match (whole, probe.why()) {
        (true, _) => None,
        (false, Some(why)) if probe.unread().is_empty() => Some(Strange::Below(why.to_owned())),
        (false, _) => {
            let broken = matches!(heard, Heard::Violation(_));
            let seems = stranger(&mut probe, &sent, broken, deadline).await;
            seems.map(Strange::Seems)
        }
    };
    let offer = match gone {
        Some(error) => Offer::Unsupported {
            how: format!("the target closed the connection on a CONNECT of {version} ({error})"),
            answered: whole || !probe.unread().is_empty(),
        },
        None => understand(probe, heard, version, options).await,
    };
    (offer, strange)
}

/// What the server seems to be by bytes that were no packet; `None` when they may be MQTT, or there are none.
async fn stranger(
    probe: &mut Probe,
    sent: &[u8],
    broken: bool,
    deadline: Instant,
) -> Option<String> {
    let mut over = false;
    let kind = loop {
        let nothing = probe.unread().is_empty();
        match seems(sent, probe.unread(), over || nothing, broken) {
            Seems::Mqtt => return None,
            Seems::Stranger(kind) => break kind,
            Seems::Undecided => over = !more(probe, deadline).await,
        }
    };
    while !quoted_in_full(kind, probe.unread()) && more(probe, deadline).await {}
    Some(words(kind, probe.unread()))
}

/// Waits for one more byte; whether it came.
async fn more(probe: &mut Probe, deadline: Instant) -> bool {
    let here = probe.unread().len();
    let left = deadline.saturating_duration_since(Instant::now());
    probe.peek(here + 1, left).await;
    probe.unread().len() > here
}

/// What a CONNACK of this code says.
fn refusal(version: Version, reason: ReasonCode) -> Offer {
    let other = match version {
        Version::V3_1_1 => ReasonCode::V3_UNACCEPTABLE_PROTOCOL_VERSION,
        Version::V5_0 => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    };
    if reason == other {
        return Offer::Unsupported {
            how: format!("the target answers a CONNECT of {version} with {reason}"),
            answered: true,
        };
    }
    match wants_credentials(version, reason) {
        true => Offer::Refused(reason),
        false => Offer::Useless(refused(version, reason)),
    }
}

/// What the answer to a CONNECT says.
async fn understand(probe: Probe, heard: Heard, version: Version, options: &Options) -> Offer {
    let useless = |text: String| Offer::Useless(inconclusive(text));
    match heard {
        Heard::Packet(Packet::ConnAck(connack)) if connack.reason == ReasonCode::SUCCESS => {
            probe.disconnect(options.wait / 2).await;
            Offer::Accepted(Rc::new(connack))
        }
        Heard::Packet(Packet::ConnAck(connack)) => refusal(version, connack.reason),
        // A server of 3.1.1 alone answers in its own format [MQTT-3.1.2-2] (3.1.1).
        Heard::Violation(_)
            if version == Version::V5_0
                && probe.unread().starts_with(&[0x20, 0x02, 0x00, 0x01]) =>
        {
            Offer::Unsupported {
                how: "the target answers a CONNECT of 5.0 with the 3.1.1 code 0x01".to_owned(),
                answered: true,
            }
        }
        Heard::Violation(violation) => Offer::Broken(violation.to_string()),
        Heard::Packet(other) => useless(format!(
            "the target answers CONNECT with {}",
            other.packet_type()
        )),
        Heard::Closed(close) => Offer::Unsupported {
            how: match probe.why() {
                Some(why) => format!("the target did not answer a CONNECT of {version}: {why}"),
                None => format!(
                    "the target closed the connection on a CONNECT of {version} without an answer ({close})"
                ),
            },
            answered: !probe.unread().is_empty(),
        },
        Heard::TooLong => useless(format!(
            "the target answers CONNECT with a packet of more than {} bytes",
            Probe::LARGEST_PACKET
        )),
        Heard::Flood => useless("the target floods before it answers CONNECT".to_owned()),
        Heard::Silence if probe.unread().is_empty() => Offer::Nothing(inconclusive(format!(
            "the target accepts connections and did not answer {} within {:?}",
            PacketType::Connect,
            options.first_answer
        ))),
        Heard::Silence => useless(format!(
            "the target accepts connections and did not answer {} within {:?}",
            PacketType::Connect,
            options.first_answer
        )),
    }
}
