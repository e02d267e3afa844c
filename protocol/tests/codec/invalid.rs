//! Literal packets that break a rule: which one, and at which byte.

use crate::notation::bytes;
use squall_protocol::{
    Decoder, PacketType, RULES, Role, Rule, Version, Violation, ViolationKind, decode_one,
};
use squall_vectors::{Case, Kind};
use std::collections::BTreeSet;

fn found() -> impl Iterator<Item = (Case, Violation)> {
    squall_vectors::invalid().map(
        |case| match decode_one(&case.wire, case.peer(), case.known()) {
            Err(violation) => (case, violation),
            Ok(frame) => panic!("{} was taken: {:?}", case.label(), frame.packet),
        },
    )
}

/// A rule with its data in hex.
fn written(rule: Rule) -> String {
    match (rule.property(), rule) {
        (Some(id), _) => format!("{}(0x{:02X})", name(rule), id.0),
        (None, Rule::UnsupportedProtocolVersion(level)) => format!("{}(0x{level:02X})", name(rule)),
        _ => name(rule),
    }
}

/// The rule without its data.
fn name(rule: Rule) -> String {
    format!("{rule:?}")
        .split('(')
        .next()
        .expect("split gives one part")
        .to_owned()
}

#[test]
fn each_breaks_its_rule_at_its_byte() {
    let mut wrong = Vec::new();
    for (case, violation) in found() {
        let expected = case.vector.invalid.as_ref().expect("an invalid vector");
        let kind = match violation.kind() {
            ViolationKind::Malformed => Kind::Malformed,
            ViolationKind::ProtocolError => Kind::Protocol,
        };
        // The version the vector is for: what the decoder cannot know before CONNECT it reads as 5.0.
        let statements = violation.rule.statements(case.version, violation.packet);
        let same = expected.kind == kind
            && expected.statements == statements
            && expected.offset == violation.offset
            && expected.reason == violation.reason().to_string();
        if !same {
            wrong.push(format!("{}: {violation}, not {expected:?}", case.label()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn any_split_finds_the_same_and_the_decoder_stays_broken() {
    for (case, violation) in found() {
        for split in 0..=case.wire.len() {
            let label = format!("{} split at {split}", case.label());
            let mut decoder = Decoder::new(case.peer());
            if let Some(version) = case.known() {
                decoder.set_version(version);
            }
            decoder.push(&case.wire[..split]);
            let early = decoder.next_frame();
            decoder.push(&case.wire[split..]);
            assert_eq!(decoder.next_frame(), Err(violation.clone()), "{label}");
            assert!(
                matches!(early, Ok(None)) || early == Err(violation.clone()),
                "{label}"
            );
            decoder.push(&[0xC0, 0x00]);
            assert_eq!(
                decoder.next_frame(),
                Err(violation.clone()),
                "{label}: not broken for good"
            );
            assert_eq!(decoder.buffered(), 0);
        }
    }
}

#[test]
fn every_rule_is_broken_in_every_version_that_has_it() {
    let mut broken: BTreeSet<_> = found()
        .map(|(case, violation)| (name(violation.rule), case.version))
        .collect();
    broken.extend(too_large().iter().map(|v| (name(v.rule), v.version)));
    for spec in RULES {
        for version in Version::ALL {
            let exists = spec.citations.iter().any(|c| match version {
                Version::V3_1_1 => !c.v3_1_1.is_empty(),
                Version::V5_0 => !c.v5_0.is_empty(),
            });
            // In 3.1.1 the limit is the receiver's own and breaks no statement.
            let limit = matches!(
                spec.rule,
                Rule::PacketTooLargeForServer | Rule::PacketTooLargeForClient
            );
            let key = (name(spec.rule), version);
            assert_eq!(broken.contains(&key), exists || limit, "{key:?}");
        }
    }
}

/// Packets over a limit of 10 bytes, refused from their fixed header alone.
fn too_large() -> Vec<Violation> {
    let mut all = Vec::new();
    for peer in [Role::Client, Role::Server] {
        for version in Version::ALL {
            let mut decoder = Decoder::new(peer);
            decoder.set_version(version);
            decoder.set_max_packet_size(10);
            decoder.push(&bytes("30 09"));
            all.push(
                decoder
                    .next_frame()
                    .expect_err("11 bytes where 10 are allowed"),
            );
        }
    }
    all
}

#[test]
fn the_size_limit_acts_on_the_fixed_header_and_says_whose_limit_it_is() {
    let rules: Vec<_> = too_large()
        .into_iter()
        .map(|v| (v.rule, v.offset, v.packet))
        .collect();
    let server = (Rule::PacketTooLargeForServer, 1, Some(PacketType::Publish));
    let client = (Rule::PacketTooLargeForClient, 1, Some(PacketType::Publish));
    assert_eq!(rules, [server, server, client, client]);
}

#[test]
fn a_cut_packet_is_a_violation_for_decode_one_only() {
    for notation in ["", "30", "30 80", "30 05 0003 'a/'"] {
        let wire = bytes(notation);
        let violation =
            decode_one(&wire, Role::Client, Some(Version::V3_1_1)).expect_err("cut short");
        assert_eq!(
            (violation.rule, violation.offset),
            (Rule::Truncated, wire.len()),
            "{notation}"
        );
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_version(Version::V3_1_1);
        decoder.push(&wire);
        assert_eq!(decoder.next_frame(), Ok(None), "{notation}");
        assert_eq!(decoder.buffered(), wire.len());
    }
}

/// The exact rule, which the vectors leave out because it is a name of ours, and the words people read.
#[test]
fn violations_in_words() {
    let mut out = String::new();
    let mut seen = BTreeSet::new();
    for (case, violation) in found() {
        let rule = written(violation.rule);
        // Senders and versions of one vector mostly say the same.
        let line = format!("{}: {rule}\n    {violation}\n", case.vector.name);
        if seen.insert(line.clone()) {
            out += &line;
        }
    }
    insta::assert_snapshot!(out);
}
