//! Reactions in the words of the vectors, and whether a vector allows one.

use crate::reaction::{End, Reaction};
use squall_protocol::{Packet, ReasonCode};
use squall_vectors::Case;

/// The reaction in a word of the vectors; `None` when none of their words fits.
pub(super) fn word(reaction: &Reaction) -> Option<String> {
    let mut packets = reaction
        .packets
        .iter()
        .filter(|packet| !matches!(packet, Packet::Publish(_)));
    match (&reaction.end, packets.next()) {
        (End::Closed, None) => Some("close".to_owned()),
        (End::Closed, Some(Packet::Disconnect(p))) => Some(format!("DISCONNECT {}", p.reason)),
        (End::Closed, Some(Packet::ConnAck(p))) if p.reason != ReasonCode::SUCCESS => {
            Some(format!("CONNACK {}", p.reason))
        }
        (End::CarriesOn, Some(Packet::Disconnect(_))) => None,
        (End::CarriesOn, first) => Some(first.and_then(refused).unwrap_or("accept".to_owned())),
        (End::Closed | End::Mute, _) => None,
    }
}

/// `SUBACK 0x8F` and its like, when the packet refuses everything that was asked for.
fn refused(packet: &Packet) -> Option<String> {
    let (name, codes) = match packet {
        Packet::PubAck(ack) => ("PUBACK", vec![ack.reason]),
        Packet::PubRec(ack) => ("PUBREC", vec![ack.reason]),
        Packet::SubAck(ack) => ("SUBACK", ack.reasons.clone()),
        Packet::UnsubAck(ack) => ("UNSUBACK", ack.reasons.clone()),
        _ => return None,
    };
    let code = codes.first()?;
    let all = codes.iter().all(|code| code.is_error());
    all.then(|| format!("{name} {code}"))
}

/// Codes of a refusal for another reason than the fault: not authorized, quota exceeded, and a kind of subscription that
/// the server does not offer. Such a server did not come to the question.
const OTHER_REASONS: &[&str] = &["0x87", "0x97", "0x9E", "0xA1", "0xA2"];

/// Whether the vector lists a reaction. Where a packet may be taken, it may also be refused alone.
pub(super) fn allows(case: &Case, word: &str) -> bool {
    let alone = |(packet, code): (&str, &str)| {
        !matches!(packet, "CONNACK" | "DISCONNECT")
            && (case.allows("accept") || OTHER_REASONS.contains(&code))
    };
    case.allows(word) || word.split_once(' ').is_some_and(alone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::{
        PacketId, Properties,
        packet::{ConnAck, Disconnect, SubAck},
    };

    fn did(packets: Vec<Packet>, end: End) -> Option<String> {
        word(&Reaction { packets, end })
    }

    fn suback(reasons: &[u8]) -> Packet {
        Packet::SubAck(SubAck {
            packet_id: PacketId::MIN,
            reasons: reasons.iter().map(|code| ReasonCode(*code)).collect(),
            properties: Properties::new(),
        })
    }

    #[test]
    fn a_reaction_has_the_word_of_the_vectors() {
        let disconnect = || Packet::Disconnect(Disconnect::with_reason(ReasonCode(0x81)));
        let connack = |reason| {
            Packet::ConnAck(ConnAck {
                session_present: false,
                reason: ReasonCode(reason),
                properties: Properties::new(),
            })
        };
        let is = |word: &str| Some(word.to_owned());
        assert_eq!(did(vec![], End::Closed), is("close"));
        assert_eq!(did(vec![disconnect()], End::Closed), is("DISCONNECT 0x81"));
        assert_eq!(did(vec![disconnect()], End::CarriesOn), None);
        assert_eq!(did(vec![disconnect()], End::Mute), None);
        assert_eq!(did(vec![connack(0x85)], End::Closed), is("CONNACK 0x85"));
        assert_eq!(did(vec![connack(0x85)], End::Mute), None);
        assert_eq!(did(vec![connack(0)], End::CarriesOn), is("accept"));
        assert_eq!(did(vec![], End::CarriesOn), is("accept"));
        assert_eq!(did(vec![], End::Mute), None);
        assert_eq!(
            did(vec![suback(&[0x8F])], End::CarriesOn),
            is("SUBACK 0x8F")
        );
        assert_eq!(
            did(vec![suback(&[0x8F, 0])], End::CarriesOn),
            is("accept"),
            "one filter was granted"
        );
        assert_eq!(did(vec![suback(&[0])], End::Closed), None);
    }

    /// The first case in 5.0 with these reactions of a server.
    fn case(reactions: &[&str]) -> Case {
        squall_vectors::invalid()
            .filter(|case| case.version == squall_protocol::Version::V5_0)
            .find(|case| {
                case.sender == squall_vectors::Sender::Client && case.reactions() == reactions
            })
            .expect("a vector of this kind")
    }

    #[test]
    fn what_a_vector_allows() {
        let strict = case(&["DISCONNECT 0x81", "close", "DISCONNECT error"]);
        for right in ["close", "DISCONNECT 0x81", "DISCONNECT 0x82", "SUBACK 0x9E"] {
            assert!(allows(&strict, right), "{right}");
        }
        for wrong in ["accept", "SUBACK 0x8F", "CONNACK 0x81", "PUBACK 0x90"] {
            assert!(!allows(&strict, wrong), "{wrong}");
        }
        let loose = case(&["DISCONNECT 0x82", "close", "DISCONNECT error", "accept"]);
        for right in ["accept", "PUBACK 0x90", "PUBACK 0x80", "close"] {
            assert!(allows(&loose, right), "{right}");
        }
        assert!(!allows(&loose, "CONNACK 0x82"));
    }
}
