//! The broad net: every packet of `squall-vectors` that breaks a rule and comes from a client, each on a connection of
//! its own. One check a file of the collection; the worst of its packets decides.
//!
//! A reaction that the vector allows is right. Any other is judged like that of a hand-written check, by each statement
//! that the vector cites, so what the standard leaves open stays a warning here too.

mod allowed;
mod case;
mod leaves;
mod lenient;
mod play;
mod scene;
mod worst;

use self::{
    case::statements,
    play::play,
    scene::{Plan, Scene},
    worst::rank,
};
use super::Check;
use crate::{
    cx::Cx,
    judge::weigh,
    outcome::{Judged, Outcome, inconclusive},
    reaction::End,
};
use squall_client::probe::Journal;
use squall_protocol::Version;
use squall_reports::Verdict;
use squall_vectors::{Case, Sender};
use std::{cmp::Reverse, collections::BTreeMap, sync::LazyLock};
use tokio::task::JoinSet;

/// Connections that one check has open at a time.
const LANES: usize = 8;
/// A server that falls silent costs the whole wait each time; after so many the rest is not sent.
const MOST_STUCK: usize = LANES;
/// Names of vectors that a message gives for one reaction, and reactions that it gives.
const MOST_NAMES: usize = 5;
const MOST_GROUPS: usize = 4;

macro_rules! files {
    ($($stem:literal $title:literal v3 $v3:tt v5 $v5:tt;)*) => {
        pub(super) const CHECKS: &[Check] = &[$(Check {
            id: concat!("vectors/", $stem),
            title: concat!("Packets of the collection that break a rule: ", $title),
            expected: "The server reacts to each in a way that the standard allows: mostly by closing the connection.",
            v3_1_1: &$v3,
            v5_0: &$v5,
            needs: &[],
            run: |cx| Box::pin(all_of(cx, $stem)),
        }),*];
    };
}

files! {
    "connect" "CONNECT"
        v3 ["MQTT-3.1.4-1", "MQTT-3.1.2-1", "MQTT-3.1.2-2", "MQTT-3.1.2-3"]
        v5 ["MQTT-3.1.4-1", "MQTT-3.1.2-1", "MQTT-3.1.2-2", "MQTT-3.1.2-3"];
    "publish" "PUBLISH"
        v3 ["MQTT-3.3.1-4", "MQTT-3.3.2-2", "MQTT-2.3.1-1"]
        v5 ["MQTT-3.3.1-4", "MQTT-3.3.2-2", "MQTT-2.2.1-3", "MQTT-3.3.4-6"];
    "puback" "PUBACK" v3 ["MQTT-2.3.1-6"] v5 ["MQTT-3.4.2-1", "MQTT-2.2.1-5"];
    "pubrec" "PUBREC" v3 ["MQTT-2.3.1-6"] v5 ["MQTT-3.5.2-1", "MQTT-2.2.1-5"];
    "pubrel" "PUBREL" v3 ["MQTT-2.3.1-6"] v5 ["MQTT-3.6.2-1", "MQTT-2.2.1-5"];
    "pubcomp" "PUBCOMP" v3 ["MQTT-4.3.3-2"] v5 ["MQTT-3.7.2-1", "MQTT-2.2.1-5"];
    "subscribe" "SUBSCRIBE"
        v3 ["MQTT-3.8.3-4", "MQTT-4.7.1-2", "MQTT-4.7.1-3", "MQTT-3.8.3-3"]
        v5 ["MQTT-3.8.3-5", "MQTT-4.7.1-1", "MQTT-4.7.1-2", "MQTT-3.8.3-2"];
    "unsubscribe" "UNSUBSCRIBE" v3 ["MQTT-3.10.3-2"] v5 ["MQTT-3.10.3-2"];
    "ping" "PINGREQ" v3 ["X-3.1.1-length-1"] v5 ["X-5.0-ping-1"];
    "disconnect" "DISCONNECT" v3 ["X-3.1.1-length-1"] v5 ["MQTT-3.14.2-1"];
    "auth" "AUTH" v3 ["X-3.1.1-type-1"] v5 ["MQTT-3.15.2-1", "X-5.0-auth-3"];
    "framing" "packet types, flags and lengths"
        v3 ["MQTT-2.2.2-1", "MQTT-2.2.2-2", "X-3.1.1-type-1"]
        v5 ["MQTT-2.1.3-1", "X-5.0-type-1", "X-5.0-vbi-1"];
    "cut" "packets that end in front of a field" v3 ["X-3.1.1-conform-1"] v5 ["X-5.0-conform-1"];
    "properties" "properties" v3 [] v5 ["X-5.0-prop-1", "X-5.0-prop-3", "X-5.0-conform-1"];
    "utf8" "strings"
        v3 ["MQTT-1.5.3-1", "MQTT-1.5.3-2"]
        v5 ["MQTT-1.5.4-1", "MQTT-1.5.4-2", "MQTT-1.5.7-1"];
}

/// Packets that break a rule and that a client sends.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    squall_vectors::invalid()
        .filter(|case| case.sender == Sender::Client)
        .collect()
});

/// Reads the collection.
pub(super) fn prepare() {
    LazyLock::force(&CASES);
}

/// Those of one file in one version.
fn cases_of(stem: &str, version: Version) -> impl Iterator<Item = &'static Case> {
    let wanted = move |case: &&Case| file(case) == stem && case.version == version;
    CASES.iter().filter(wanted)
}

/// The stem of the file it stands in.
fn file(case: &Case) -> &'static str {
    let name = &case.vector.name;
    name.split_once('/').map_or(name, |(file, _)| file)
}

/// A packet that was sent, and what came of it.
struct Finding {
    case: &'static Case,
    /// What happened; given up as soon as another case has something worse to show.
    journal: Journal,
    outcome: Outcome,
    /// The server neither closed the connection nor answered any more.
    stuck: bool,
}

/// Sends them all, some at a time, and sums up.
async fn all_of(cx: &Cx, stem: &str) -> Judged {
    cx.accepts().await?;
    let staged = stages(cx, stem).await;
    let mut waiting = cases_of(stem, cx.version).enumerate();
    let total = cases_of(stem, cx.version).count();
    let mut running = JoinSet::new();
    let mut findings: BTreeMap<usize, Finding> = BTreeMap::new();
    let mut worst: Option<usize> = None;
    let mut stuck = 0;
    loop {
        while running.len() < LANES && stuck < MOST_STUCK && !cx.gone() {
            let Some((number, case)) = waiting.next() else {
                break;
            };
            let cx = cx.case(number);
            running.spawn_local(async move { (number, finding(cx, case, staged).await) });
        }
        match running.join_next().await {
            None => break,
            Some(Err(lost)) => match lost.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => continue,
            },
            Some(Ok((number, mut finding))) => {
                stuck += usize::from(finding.stuck);
                // Only one exchange is shown, the first of the worst; all others would fill the memory.
                let place = |number: usize, f: &Finding| (rank(&f.outcome), Reverse(number));
                let known = worst.and_then(|worst| Some((worst, findings.get_mut(&worst)?)));
                match known {
                    Some((worst, known)) if place(worst, known) > place(number, &finding) => {
                        finding.journal = Journal::new();
                    }
                    known => {
                        if let Some((_, known)) = known {
                            known.journal = Journal::new();
                        }
                        worst = Some(number);
                    }
                }
                findings.insert(number, finding);
            }
        }
    }
    sum_up(cx, &findings.into_values().collect::<Vec<_>>(), total)
}

/// Whether a scene for packets of this file can be made ready at this target: one that lacks QoS 2 has no use for a
/// PUBREL.
async fn stages(cx: &Cx, stem: &str) -> bool {
    let mut plans = cases_of(stem, cx.version).map(|case| (case, Plan::of(case)));
    let Some((case, plan)) = plans.find(|(_, plan)| *plan != Plan::Bare) else {
        return false;
    };
    let cx = cx.case(cases_of(stem, cx.version).count());
    match Scene::set(&cx, case, plan).await {
        Ok(scene) => {
            scene.client.bye().await;
            true
        }
        Err(_) => false,
    }
}

async fn finding(cx: Cx, case: &'static Case, staged: bool) -> Finding {
    let (outcome, stuck) = match play(&cx, case, staged).await {
        Ok((Ok(outcome) | Err(outcome), end)) => (outcome, matches!(end, End::Mute)),
        Err(outcome) => {
            let stuck = outcome.verdict == Verdict::Inconclusive;
            (outcome, stuck)
        }
    };
    let statements = statements(case);
    let outcome = outcome.graded(case.version, &statements);
    // The worst of all is shown, and what it is beside in its own words.
    let outcome = weigh(outcome, &cx, &statements).outcome;
    Finding {
        case,
        journal: cx.journal.clone(),
        outcome,
        stuck,
    }
}

/// The verdict of the worst, all that were not right in words, and the exchange of the first of the worst.
fn sum_up(cx: &Cx, findings: &[Finding], total: usize) -> Judged {
    // The last of the greatest is the first of the worst.
    let Some(worst) = findings.iter().rev().max_by_key(|f| rank(&f.outcome)) else {
        return Err(inconclusive("no packet could be sent"));
    };
    cx.journal.append(&worst.journal);
    let verdict = worst.outcome.verdict;
    let right = findings.iter().filter(|f| rank(&f.outcome) == 0).count();
    let mut message =
        format!("{right} of {total} broken packets got a reaction that the standard allows");
    message += &wrongs(findings);
    let unsent = total - findings.len();
    if unsent > 0 {
        message += &format!("; {unsent} were not sent, because the server fell silent too often");
    }
    if unsent > 0 && verdict == Verdict::Pass {
        return Err(inconclusive(message));
    }
    let mut cites: Vec<&'static str> = Vec::new();
    let as_bad = |f: &&Finding| f.outcome.verdict == verdict && verdict != Verdict::Pass;
    for found in findings.iter().filter(as_bad) {
        let own = match found.outcome.cites.is_empty() {
            true => statements(found.case),
            false => found.outcome.cites.clone(),
        };
        for id in own {
            if !cites.contains(&id) && cites.len() < MOST_NAMES {
                cites.push(id);
            }
        }
    }
    let mut outcome = Outcome::new(verdict, message).citing(&cites);
    outcome.guilty.clone_from(&worst.outcome.guilty);
    outcome.proven = worst.outcome.proven;
    outcome.interrupted = worst.outcome.interrupted;
    // Each packet was graded by itself.
    Ok(outcome.beyond_doubt())
}

/// What was not right, the worst first: names, and what the server did.
fn wrongs(findings: &[Finding]) -> String {
    let mut groups: Vec<(u8, &str, Vec<&str>)> = Vec::new();
    for found in findings.iter().filter(|f| rank(&f.outcome) > 0) {
        let (text, name) = (found.outcome.message.as_str(), &*found.case.vector.name);
        match groups.iter_mut().find(|(_, known, _)| *known == text) {
            Some((.., names)) => names.push(name),
            None => groups.push((rank(&found.outcome), text, vec![name])),
        }
    }
    groups.sort_by_key(|(rank, ..)| Reverse(*rank));
    let mut all = String::new();
    for (_, text, names) in groups.iter().take(MOST_GROUPS) {
        let more = match names.len().saturating_sub(MOST_NAMES) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let some = names[..names.len().min(MOST_NAMES)].join(", ");
        all += &format!("; {some}{more}: {text}");
    }
    let others = groups.iter().skip(MOST_GROUPS);
    match others.map(|(.., names)| names.len()).sum() {
        0 => {}
        n => all += &format!("; {n} more were not right in other ways"),
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_with_a_broken_packet_of_a_client_is_a_check() {
        let key = |stem: &str, version: Version| (format!("vectors/{stem}"), version);
        let files: BTreeSet<_> = CASES
            .iter()
            .map(|case| key(file(case), case.version))
            .collect();
        let checked: BTreeSet<_> = CHECKS
            .iter()
            .flat_map(|check| {
                check
                    .versions()
                    .map(|version| (check.id.to_owned(), version))
            })
            .collect();
        assert_eq!(files, checked);
    }

    #[test]
    fn the_statements_of_a_check_are_those_of_its_packets() {
        for check in CHECKS {
            let stem = check.id.trim_start_matches("vectors/");
            for version in check.versions() {
                let cited: BTreeSet<_> = cases_of(stem, version).flat_map(statements).collect();
                for id in check.statements(version) {
                    let of_all = *id == "MQTT-3.1.4-1";
                    assert!(of_all || cited.contains(id), "{} {version}: {id}", check.id);
                }
            }
        }
    }
}
