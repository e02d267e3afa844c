//! Every vector of `protocol/vectors`, valid and invalid, given to every peer. The snapshot lists each vector on
//! which a peer differs from us, under the rule or the reason that we stand on.

use crate::reasons::{matches, reasons};
use squall_peers::{Outcome, Peer};
use squall_protocol::{Frame, Violation, decode_one};
use squall_vectors::{Case, cases};
use std::{collections::BTreeMap, fmt::Write};

/// What all made of one vector.
struct Answer {
    case: Case,
    ours: Result<Frame, Violation>,
    theirs: [(Peer, Outcome); 4],
}

fn answers() -> Vec<Answer> {
    let answer = |case: Case| {
        let (wire, from, known) = (&case.wire, case.peer(), case.known());
        Answer {
            ours: decode_one(wire, from, known),
            theirs: Peer::ALL.map(|peer| (peer, peer.decode(wire, known, from))),
            case,
        }
    };
    cases().map(answer).collect()
}

impl Answer {
    /// Who differs from us, and how.
    fn differences(&self) -> impl Iterator<Item = (Peer, &'static str)> {
        self.theirs.iter().filter_map(|(peer, theirs)| {
            let how = match (&self.ours, theirs) {
                (_, Outcome::Cannot(_)) | (Err(_), Outcome::Refused(_)) => None,
                (_, Outcome::Panicked(_)) => Some("panicked"),
                (Err(_), Outcome::Read(_) | Outcome::ReadBeyond(_)) => Some("accepted"),
                (Ok(_), Outcome::Refused(_)) => Some("refused"),
                (Ok(_), Outcome::ReadBeyond(_)) => Some("misread"),
                (Ok(frame), Outcome::Read(packet)) => {
                    let same = peer.view((**packet).clone()) == peer.view(frame.packet.clone());
                    (!same).then_some("misread")
                }
            };
            how.map(|how| (*peer, how))
        })
    }

    /// The ground we stand on against this peer.
    fn ground(&self, peer: Peer) -> String {
        match &self.ours {
            Err(violation) => {
                let rule = format!("{:?}", violation.rule);
                let rule = rule.split('(').next().unwrap_or_default();
                let (kind, reason) = (violation.kind(), violation.reason());
                let statements = violation.statements().join(", ");
                format!("refused: {rule} [{statements}] {kind} {reason}")
            }
            Ok(_) => {
                let reason = reasons()
                    .into_iter()
                    .find(|reason| reason.covers(peer.name(), &self.case.vector.name));
                let why = reason.map_or_else(|| "NO REASON GIVEN".to_owned(), |reason| reason.why);
                format!("accepted: {why}")
            }
        }
    }
}

/// The rows of the table in README.md: on how many of the vectors a peer was asked it differs, by what it did.
fn figures(answers: &[Answer]) -> Vec<String> {
    let row = |(index, peer): (usize, Peer)| {
        let asked = |valid| {
            let can = |a: &&Answer| !matches!(a.theirs[index].1, Outcome::Cannot(_));
            let same_kind = answers.iter().filter(move |a| a.ours.is_ok() == valid);
            same_kind.filter(can)
        };
        let count = |valid, what| {
            let did = |a: &&Answer| a.differences().any(|(p, how)| p == peer && how == what);
            asked(valid).filter(did).count()
        };
        format!(
            "| {} | {} of {} | {} of {} | {} | {} |",
            peer.name(),
            count(false, "accepted"),
            asked(false).count(),
            count(true, "refused"),
            asked(true).count(),
            count(true, "misread"),
            count(true, "panicked") + count(false, "panicked"),
        )
    };
    Peer::ALL.into_iter().enumerate().map(row).collect()
}

#[test]
fn the_figures_of_the_readme_are_true() {
    let readme = include_str!("../../README.md");
    for row in figures(&answers()) {
        assert!(readme.contains(&row), "README.md has to say: {row}");
    }
}

#[test]
fn every_disagreement_is_known() {
    let answers = answers();
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for answer in &answers {
        let mut grounds: BTreeMap<String, String> = BTreeMap::new();
        for (peer, how) in answer.differences() {
            let line = grounds.entry(answer.ground(peer)).or_default();
            let _ = write!(line, " {} {how};", peer.name());
        }
        for (ground, line) in grounds {
            let line = format!("    {}:{}", answer.case.label(), line.trim_end_matches(';'));
            sections.entry(ground).or_default().push(line);
        }
    }
    let lines = sections
        .into_iter()
        .flat_map(|(ground, lines)| std::iter::once(ground).chain(lines));
    let list: Vec<String> = lines.collect();
    let disagreements = format!("{}\n\n{}", figures(&answers).join("\n"), list.join("\n"));
    insta::assert_snapshot!(disagreements);
}

/// Where a peer differs on a valid vector, a reason says why accepting it is right; and no reason is left over.
#[test]
fn every_valid_vector_that_a_peer_differs_on_has_its_reason() {
    let reasons = reasons();
    let mut wanting = Vec::new();
    let mut missing = Vec::new();
    for answer in answers().iter().filter(|answer| answer.ours.is_ok()) {
        for (peer, how) in answer.differences() {
            let name = &answer.case.vector.name;
            if !reasons
                .iter()
                .any(|reason| reason.covers(peer.name(), name))
            {
                missing.push(format!("{} {how} {name}: {:?}", peer.name(), answer.theirs));
            }
            wanting.push((peer.name(), name.clone()));
        }
    }
    let rows = reasons.iter().flat_map(|reason| {
        let pairs = |peer| reason.vectors.iter().map(move |vector| (peer, vector));
        reason.peers.iter().flat_map(pairs)
    });
    let stale: Vec<_> = rows
        .filter(|(peer, pattern)| {
            !wanting
                .iter()
                .any(|(p, name)| p == peer && matches(pattern, name))
        })
        .collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "missing: {missing:#?}\nstale: {stale:#?}"
    );
}

/// The vectors say themselves which are valid; without that the comparison would prove nothing.
#[test]
fn our_verdict_is_that_of_the_vectors() {
    let answers = answers();
    for Answer { case, ours, .. } in &answers {
        let valid = case.vector.valid.is_some();
        assert_eq!(ours.is_ok(), valid, "{}: {ours:?}", case.label());
    }
    assert!(answers.len() > 1000, "only {} vectors", answers.len());
}
