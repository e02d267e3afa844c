//! Literal packets that break a rule: which one, and at which byte.

use crate::{
    notation::bytes,
    vectors::{self, Vector},
};
use squall_protocol::{Decoder, PacketType, RULES, Role, Rule, Version, Violation, decode_one};
use std::collections::BTreeSet;

fn found() -> impl Iterator<Item = (Vector, Violation)> {
    vectors::invalid().into_iter().map(|vector| {
        match decode_one(&vector.wire, vector.peer, vector.version) {
            Err(violation) => (vector, violation),
            Ok(frame) => panic!(
                "{} from a {} was taken: {:?}",
                vector.notation, vector.peer, frame.packet
            ),
        }
    })
}

/// A rule as the file writes it.
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
    for (vector, violation) in found() {
        let found = [written(violation.rule), violation.offset.to_string()];
        if vector.rest != found {
            wrong.push(format!("{vector:?}: found {found:?}, {violation}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn any_split_finds_the_same_and_the_decoder_stays_broken() {
    for (
        Vector {
            version,
            peer,
            notation,
            wire,
            ..
        },
        violation,
    ) in found()
    {
        for split in 0..=wire.len() {
            let mut decoder = Decoder::new(peer);
            if let Some(version) = version {
                decoder.set_version(version);
            }
            decoder.push(&wire[..split]);
            let early = decoder.next_frame();
            decoder.push(&wire[split..]);
            assert_eq!(
                decoder.next_frame(),
                Err(violation.clone()),
                "{notation} split at {split}"
            );
            assert!(
                matches!(early, Ok(None)) || early == Err(violation.clone()),
                "{notation} split at {split}"
            );
            decoder.push(&[0xC0, 0x00]);
            assert_eq!(
                decoder.next_frame(),
                Err(violation.clone()),
                "{notation}: not broken for good"
            );
            assert_eq!(decoder.buffered(), 0);
        }
    }
}

#[test]
fn every_rule_is_broken_in_every_version_that_has_it() {
    let found: Vec<Violation> = found()
        .map(|(_, violation)| violation)
        .chain(too_large())
        .collect();
    let broken: BTreeSet<_> = found.iter().map(|v| (name(v.rule), v.version)).collect();
    for spec in RULES {
        for version in Version::ALL {
            let exists = spec.citations.iter().any(|c| match version {
                Version::V3_1_1 => !c.v3_1_1.is_empty(),
                Version::V5_0 => !c.v5_0.is_empty(),
            });
            let key = (name(spec.rule), version);
            // Nothing tells the version of a connection whose first bytes are refused.
            let known = !matches!(
                spec.rule,
                Rule::ConnectExpected
                    | Rule::UnsupportedProtocolName
                    | Rule::UnsupportedProtocolVersion(_)
            ) || version == Version::V5_0;
            let limit = matches!(
                spec.rule,
                Rule::PacketTooLargeForServer | Rule::PacketTooLargeForClient
            );
            assert_eq!(broken.contains(&key), exists && known || limit, "{key:?}");
        }
    }
}

#[test]
fn every_violation_cites_a_statement() {
    for violation in found().map(|(_, violation)| violation) {
        assert!(!violation.statements().is_empty(), "{violation:?}");
        let prefix = format!("X-{}-", violation.version);
        let own = |id: &&str| id.starts_with("MQTT-") || id.starts_with(&prefix);
        assert!(violation.statements().iter().all(own), "{violation}");
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

/// The words people read.
#[test]
fn violations_in_words() {
    let mut out = String::new();
    for (
        Vector {
            version, notation, ..
        },
        violation,
    ) in found()
    {
        let version = version.map_or("-", Version::as_str);
        out += &format!(
            "{version:5} {notation}\n      {violation} {} {}\n",
            violation.kind(),
            violation.reason()
        );
    }
    insta::assert_snapshot!(out);
}
