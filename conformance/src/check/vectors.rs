//! The broad net: every packet of `squall-vectors` that breaks a rule and comes from a client, each on a connection of
//! its own. One check a file of the collection; the worst of its packets decides.
//!
//! A reaction that the vector allows is right. Any other is judged like that of a hand-written check, by each statement
//! that the vector cites, so what the standard leaves open stays a warning here too.

mod allowed;
mod leaves;

use self::{
    allowed::{allows, word},
    leaves::leaves,
};
use super::{
    Check,
    connect::{before_connect, other_format, stray_connack},
};
use crate::{
    cx::Cx,
    heard::words,
    outcome::{Judged, Outcome, fail, fail_on, inconclusive, pass},
    reaction::{End, Reaction, judge, refusal, watch},
    rigour::{granted, unanswered},
};
use squall_client::probe::{Heard, Journal, Kept, Probe};
use squall_protocol::{Packet, PacketType, Rule, Version};
use squall_reports::Verdict;
use squall_vectors::{Case, Sender};
use std::{cmp::Reverse, collections::BTreeMap, sync::LazyLock, time::Duration};
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
            running.spawn_local(async move { (number, finding(cx, case).await) });
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

async fn finding(cx: Cx, case: &'static Case) -> Finding {
    let (outcome, stuck) = match play(&cx, case).await {
        Ok((Ok(outcome) | Err(outcome), end)) => (outcome, matches!(end, End::Mute)),
        Err(outcome) => {
            let stuck = outcome.verdict == Verdict::Inconclusive;
            (outcome, stuck)
        }
    };
    let outcome = outcome.graded(case.version, &statements(case));
    Finding {
        case,
        journal: cx.journal.clone(),
        outcome,
        stuck,
    }
}

/// The statements that the vector cites, the main one first.
fn statements(case: &Case) -> Vec<&'static str> {
    let invalid = case.vector.invalid.iter();
    invalid
        .flat_map(|i| i.statements.iter().map(String::as_str))
        .collect()
}

/// Sends one packet on a connection of its own; gives the judgement, and how the connection stood then.
async fn play(cx: &Cx, case: &'static Case) -> Result<(Judged, End), Outcome> {
    let what = format!("{}: {}", case.vector.name, case.vector.says);
    let mut probe = match case.vector.first {
        true => cx.open("client").await?,
        false => cx.client("client").await?.probe,
    };
    for what in leaves(case) {
        cx.will_leave(what);
    }
    let sent = probe.send_raw(&what, &case.wire).await;
    sent.map_err(|error| inconclusive(error.to_string()))?;
    if let Some(judged) = of_no_version(cx, case, &mut probe).await {
        return Ok((judged, End::Closed));
    }
    if case.vector.first
        && case.packet_type() != Some(PacketType::Connect)
        && let Some(judged) = stray_connack(cx, &mut probe).await
    {
        return Ok((judged, End::Closed));
    }
    let mut reaction = match case.vector.first {
        true => refusal(cx, &mut probe).await?,
        false => settled(cx, &mut probe).await?,
    };
    let mut judged = weigh(cx, case, &reaction);
    if case.vector.first && matches!(reaction.end, End::CarriesOn) {
        // It says that it took the CONNECT: then the connection works, or is closed after all.
        match probe.fence(cx.wait()).await.end {
            Heard::Packet(_) => {}
            Heard::Closed(_) => reaction.end = End::Closed,
            other => {
                let text = format!(
                    "after CONNACK 0x00 PINGREQ was not answered: {}",
                    words(&other, cx.wait())
                );
                judged = worse(judged, fail_on(&["MQTT-3.12.4-1"], text));
                reaction.end = End::Mute;
            }
        }
    }
    match reaction.end {
        // A server that took the packet has what the packet says: a session, a will, a retained message.
        End::CarriesOn => {
            probe.disconnect(cx.wait() / 4).await;
            if !leaves(case).is_empty() {
                cx.tidy().await;
            }
        }
        End::Closed => {
            for what in leaves(case) {
                cx.has_not_left(&what);
            }
        }
        // It is not known; the check tidies up when it is done.
        End::Mute => {}
    }
    Ok((judged, reaction.end))
}

/// A CONNECT that does not name the version under test: the server cannot know which version its sender understands,
/// and may answer in another. Where it may take the packet as one of another protocol, that protocol decides, and not
/// we.
async fn of_no_version(cx: &Cx, case: &'static Case, probe: &mut Probe) -> Option<Judged> {
    let named = [&b"\x00\x04MQTT"[..], &[cx.version.level()]].concat();
    let is_named = case.wire.windows(named.len()).any(|w| w == named);
    if is_named || case.packet_type() != Some(PacketType::Connect) {
        return None;
    }
    let main = statements(case).first().copied();
    let of_mqtt_3_1 = case.wire.windows(6).any(|name| name == b"MQIsdp");
    let of_another = matches!(main, Some("MQTT-3.1.2-1" | "MQTT-3.1.2-2"))
        && case.reactions().iter().any(|allowed| allowed == "accept");
    if of_mqtt_3_1 || of_another {
        probe.peek(1, cx.wait()).await;
        return Some(pass("another protocol may be meant"));
    }
    other_format(cx, probe).await
}

/// Like [`watch`], with two answers that break the standard and only show that the packet was taken: a message is
/// what another vector published, and an acknowledgement with packet identifier 0 repeats that of this one.
async fn settled(cx: &Cx, probe: &mut Probe) -> Result<Reaction, Outcome> {
    let mut kept = Kept::new();
    let found = watch(cx, probe, &mut kept).await;
    let packets = kept.into_packets();
    let Heard::Violation(violation) = probe.next(Duration::ZERO).await else {
        return found.map(|end| Reaction { packets, end });
    };
    let answered = PacketType::from_number(probe.unread().first().map_or(0, |byte| byte >> 4));
    if answered != Some(PacketType::Publish) && violation.rule != Rule::PacketIdZero {
        return found.map(|end| Reaction { packets, end });
    }
    let end = match probe.expect_close(cx.wait() / 4).await.close {
        Some(_) => End::Closed,
        None => End::CarriesOn,
    };
    Ok(Reaction { packets, end })
}

/// Passes what the vector allows, and has everything else judged by each statement that it cites; the worst counts.
fn weigh(cx: &Cx, case: &'static Case, reaction: &Reaction) -> Judged {
    if let Some(judged) = granted_filter(cx, case, reaction) {
        return judged;
    }
    let main = statements(case).first().copied();
    if let Some(word) = word(reaction)
        && allows(case, &word)
        && !(word == "accept" && main.is_some_and(|id| TAKEN_WITH_A_WARNING.contains(&id)))
    {
        return followed(cx, case, reaction).unwrap_or_else(|| pass(word));
    }
    if case.vector.first && case.packet_type() != Some(PacketType::Connect) {
        return before_connect(cx, reaction);
    }
    let judged = statements(case).into_iter().map(|id| {
        let (Ok(outcome) | Err(outcome)) = judge(cx, reaction, id, case.vector.first);
        let mut graded = outcome.graded(cx.version, &[id]);
        let close = "MQTT-4.8.0-1";
        let failed = graded.verdict == Verdict::Fail;
        if failed && !cx.five() && !case.vector.first && !graded.cites.contains(&close) {
            // What asks for the close in 3.1.1.
            graded.cites.push(close);
        }
        graded
    });
    // The first of the worst: the earlier statement is the one to look up.
    let worst = judged.reduce(|a, b| if rank(&b) > rank(&a) { b } else { a });
    worst.map_or_else(|| fail("the vector cites no statement"), Ok)
}

/// Faults for which a hand-written check warns a server that carries on; the same bytes get the same verdict here,
/// although the collection lets them be taken.
const TAKEN_WITH_A_WARNING: &[&str] = &["MQTT-3.3.2-2", "MQTT-3.3.2-14"];

/// A filter that is none and was granted; see the table in [`crate::rigour`].
fn granted_filter(cx: &Cx, case: &'static Case, reaction: &Reaction) -> Option<Judged> {
    let main = statements(case).first().copied()?;
    let of_filters = match case.packet_type()? {
        PacketType::Subscribe => match cx.five() {
            true => &[
                "MQTT-4.7.1-1",
                "MQTT-4.7.1-2",
                "MQTT-4.7.3-1",
                "MQTT-4.8.2-1",
                "MQTT-4.8.2-2",
            ][..],
            false => &["MQTT-4.7.1-2", "MQTT-4.7.1-3", "MQTT-4.7.3-1"],
        },
        _ => return None,
    };
    if !of_filters.contains(&main) {
        return None;
    }
    // In packets with more than one filter the last one is the broken one.
    reaction.packets.iter().find_map(|packet| match packet {
        Packet::SubAck(ack) if ack.reasons.last().is_some_and(|code| !code.is_error()) => {
            let text = "the server granted a filter that is none".to_owned();
            Some(granted(cx, main, packet, text))
        }
        _ => None,
    })
}

/// Judges what follows where the packet may be taken: a server that takes a request answers it, and one that does not
/// closes the connection. Dropping it and carrying on is neither. `None` when there is nothing to say against it.
fn followed(cx: &Cx, case: &'static Case, reaction: &Reaction) -> Option<Judged> {
    if case.vector.first || !matches!(reaction.end, End::CarriesOn) {
        return None;
    }
    let qos = case.wire[0] >> 1 & 3;
    let (answer, rule) = match case.packet_type()? {
        PacketType::Subscribe => (PacketType::SubAck, "MQTT-3.8.4-1"),
        PacketType::Unsubscribe => (PacketType::UnsubAck, "MQTT-3.10.4-4"),
        PacketType::PingReq => (PacketType::PingResp, "MQTT-3.12.4-1"),
        PacketType::Publish if qos == 1 => {
            (PacketType::PubAck, cx.pick("MQTT-4.3.2-2", "MQTT-4.3.2-4"))
        }
        PacketType::Publish if qos == 2 => {
            (PacketType::PubRec, cx.pick("MQTT-4.3.3-2", "MQTT-4.3.3-8"))
        }
        _ => return None,
    };
    // One with identifier 0 cannot be read, and shows that the packet was taken.
    let answered = reaction.packets.iter().any(|p| p.packet_type() == answer)
        || statements(case)
            .iter()
            .any(|id| ["MQTT-2.3.1-1", "MQTT-2.2.1-3"].contains(id));
    let main = statements(case).first().copied()?;
    (!answered).then(|| {
        let text =
            format!("the server dropped it: neither {answer} came nor the end of the connection");
        unanswered(cx, main, rule, text)
    })
}

/// The worse of two.
fn worse(a: Judged, b: Judged) -> Judged {
    let (Ok(a) | Err(a), Ok(b) | Err(b)) = (a, b);
    Ok(if rank(&b) > rank(&a) { b } else { a })
}

fn rank(outcome: &Outcome) -> u8 {
    match outcome.verdict {
        Verdict::Pass => 0,
        Verdict::NotApplicable => 1,
        Verdict::Warn => 2,
        Verdict::Inconclusive => 3,
        Verdict::Fail => 4,
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
