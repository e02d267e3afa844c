//! What a receiver may do about a broken packet, held against the catalogue of statements: no duty is forgotten and
//! nothing that the standard leaves open is forbidden.

use squall_catalogue::{BareClose, CloseDuty, ReasonRule, Statement};
use squall_protocol::{PacketType, ReasonCode, Version};
use squall_vectors::{Case, Sender};

/// The statements a vector cites.
fn cited(case: &Case) -> Vec<&'static Statement> {
    let invalid = case.vector.invalid.as_ref().expect("an invalid vector");
    let find = |id: &String| {
        let found = squall_catalogue::find(case.version, id);
        found.unwrap_or_else(|| panic!("{} cites {id}, which is unknown", case.label()))
    };
    invalid.statements.iter().map(find).collect()
}

/// What the receiver of a packet may do.
fn reactions(case: &Case) -> &'static [String] {
    &case.vector.reactions[&case.sender.other()]
}

fn may(case: &Case, reaction: &str) -> bool {
    reactions(case).iter().any(|r| r == reaction)
}

/// Whether a statement says without doubt that the connection is to be closed.
fn settled(statement: &Statement) -> bool {
    statement.close == Some(CloseDuty::Must) && statement.unsure.is_none()
}

#[test]
fn every_cited_statement_is_in_the_catalogue_of_its_version() {
    for case in squall_vectors::invalid() {
        assert!(!cited(&case).is_empty(), "{}", case.label());
    }
    for case in squall_vectors::valid() {
        for id in &case
            .vector
            .valid
            .as_ref()
            .expect("a valid vector")
            .may_refuse
        {
            assert!(
                squall_catalogue::find(case.version, id).is_some(),
                "{}",
                case.label()
            );
        }
    }
}

/// `close` is a duty of servers in both versions, and of clients in 3.1.1.
#[test]
fn a_duty_to_close_leaves_no_way_to_go_on() {
    for case in squall_vectors::invalid() {
        let client_of_5 = case.version == Version::V5_0 && case.sender == Sender::Server;
        if !client_of_5 && cited(&case).into_iter().any(settled) {
            let goes_on = |r: &String| {
                let closes = ["close", "CONNACK ", "DISCONNECT "];
                !closes.iter().any(|word| r.starts_with(word))
            };
            assert!(!reactions(&case).iter().any(goes_on), "{}", case.label());
        }
    }
}

/// A client of 5.0 should close. It has to only when the flags of AUTH are wrong [MQTT-3.15.1-1].
#[test]
fn a_client_of_5_0_may_overlook_what_is_no_duty() {
    for case in squall_vectors::invalid().filter(|case| case.sender == Sender::Server) {
        if case.version == Version::V5_0 {
            let duty = cited(&case).iter().any(|s| s.id == "MQTT-3.15.1-1");
            assert_eq!(may(&case, "accept"), !duty, "{}", case.label());
        }
    }
}

#[test]
fn what_the_text_leaves_open_is_accepted() {
    for case in squall_vectors::invalid() {
        let rows = cited(&case);
        let open = |s: &&Statement| matches!(s.close, Some(CloseDuty::Unsettled | CloseDuty::May));
        if rows.iter().any(open) && !rows.iter().any(|s| settled(s)) {
            // A CONNECT of 3.1.1 is refused whatever is wrong in it [MQTT-3.1.4-1].
            let connect = case.vector.first && case.version == Version::V3_1_1;
            assert!(may(&case, "accept") || connect, "{}", case.label());
        }
    }
}

#[test]
fn a_close_without_a_packet_is_allowed_unless_the_packet_is_a_must() {
    for case in squall_vectors::invalid() {
        let rows = cited(&case);
        let bare = |word| rows.iter().any(|s| s.bare_close == Some(word));
        assert_eq!(
            may(&case, "close"),
            !bare(BareClose::NotAllowed),
            "{}",
            case.label()
        );
        if bare(BareClose::Required) {
            assert_eq!(reactions(&case), ["close"], "{}", case.label());
        }
    }
}

/// The first packet of a reaction is the one that the standard recommends.
#[test]
fn the_recommended_code_comes_first() {
    for case in squall_vectors::invalid().filter(|case| case.version == Version::V5_0) {
        let Some((packet, code)) = reactions(&case)[0].split_once(' ') else {
            assert_eq!(reactions(&case), ["close"], "{}", case.label());
            continue;
        };
        assert_eq!(
            code,
            case.vector.invalid.as_ref().expect("invalid").reason,
            "{}",
            case.label()
        );
        let answers: Vec<_> = cited(&case)
            .iter()
            .flat_map(|s| &s.reason)
            .filter(|answer| answer.packet == packet)
            .collect();
        let listed = |answer: &&ReasonRule| answer.codes.iter().any(|c| c == code);
        assert!(
            answers.is_empty() || answers.iter().any(listed),
            "{}",
            case.label()
        );
    }
}

/// Each word is one of the README's, and each packet is one that this receiver may send at this moment.
#[test]
fn each_reaction_can_happen() {
    for case in squall_vectors::invalid() {
        let receiver = case.sender.other();
        for reaction in reactions(&case) {
            let label = format!("{}: {reaction}", case.label());
            let Some((name, code)) = reaction.split_once(' ') else {
                assert!(reaction == "close" || reaction == "accept", "{label}");
                continue;
            };
            let packet = PacketType::ALL
                .into_iter()
                .find(|p| p.name() == name)
                .expect(&label);
            // [MQTT-3.14.0-1] (5.0); 3.1.1 gives the server no DISCONNECT and a wrong CONNECT no CONNACK but 0x01 and 0x02.
            match packet {
                PacketType::ConnAck => assert!(case.vector.first, "{label}"),
                PacketType::Disconnect => {
                    assert!(
                        !case.vector.first && case.version == Version::V5_0,
                        "{label}"
                    );
                }
                _ => assert!(!case.vector.first, "{label}"),
            }
            if code == "error" {
                // Of 0x80 and above there is one for a filter in 3.1.1, and none for a message.
                let has_others = case.version == Version::V5_0 || packet == PacketType::ConnAck;
                assert!(has_others, "{label}");
                continue;
            }
            let digits = code.strip_prefix("0x").expect(&label);
            let code = ReasonCode(u8::from_str_radix(digits, 16).expect(&label));
            let in_3_1_1 = code.name_in(packet, Version::V3_1_1).is_some();
            let in_5_0 = code.senders_in(packet).contains(&receiver.role());
            // A server of 5.0 may tell a client of another version so in the form of 3.1.1.
            let foreign = (packet, code.0) == (PacketType::ConnAck, 0x01);
            assert!(
                if case.version == Version::V5_0 {
                    in_5_0 || foreign
                } else {
                    in_3_1_1
                },
                "{label}"
            );
        }
    }
}
