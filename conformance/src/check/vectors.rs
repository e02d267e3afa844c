//! The broad net: every packet of `squall-vectors` that breaks a rule and comes from a client, each on a connection of
//! its own. One check a file of the collection; the worst of its packets decides.
//!
//! A reaction that the vector allows is right. Any other is judged like that of a hand-written check, by each statement
//! that the vector cites, so what the standard leaves open stays a warning here too.

use super::{
    Check,
    connect::{before_connect, other_format},
};
use crate::{
    cx::Cx,
    outcome::{Judged, Outcome, fail, inconclusive, pass},
    reaction::{End, Reaction, judge, reaction, refusal},
};
use squall_client::probe::{Event, Probe};
use squall_protocol::{Packet, PacketType, ReasonCode, Version};
use squall_reports::Verdict;
use squall_vectors::{Case, Sender};
use std::{collections::BTreeMap, sync::LazyLock};
use tokio::task::JoinSet;

/// Connections that one check has open at a time.
const LANES: usize = 8;
/// A server that falls silent costs the whole wait each time; after so many the rest is not sent.
const MOST_STUCK: usize = 12;
/// Names of vectors that a message gives for one reaction, and reactions that it gives.
const MOST_NAMES: usize = 5;
const MOST_GROUPS: usize = 4;

/// What all messages of the vectors with RETAIN 1 are published to.
const RETAINED: &str = "a";

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
    "pubcomp" "PUBCOMP" v3 ["MQTT-2.3.1-6"] v5 ["MQTT-3.7.2-1", "MQTT-2.2.1-5"];
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
    CASES.iter().filter(move |case| {
        let file = case.vector.name.split_once('/').map(|(file, _)| file);
        file == Some(stem) && case.version == version
    })
}

/// A packet that was sent, and what came of it.
struct Finding {
    case: &'static Case,
    cx: Cx,
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
    let mut findings = BTreeMap::new();
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
            // A panic is a defect of this check; the number that was sent shows that one is missing.
            Some(Err(_)) => stuck += 1,
            Some(Ok((number, finding))) => {
                stuck += usize::from(finding.stuck);
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
        cx,
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
    let sent = probe.send_raw(&what, &case.wire).await;
    sent.map_err(|error| inconclusive(error.to_string()))?;
    if let Some(judged) = of_no_version(cx, case, &mut probe).await {
        return Ok((judged, End::Closed));
    }
    let reaction = match case.vector.first {
        true => refusal(cx, &mut probe).await?,
        false => settled(cx, &mut probe).await?,
    };
    let judged = weigh(cx, case, &reaction);
    if matches!(reaction.end, End::CarriesOn) {
        leave(cx, case, probe).await;
    }
    Ok((judged, reaction.end))
}

/// A CONNECT with the name or level of no version: the server cannot know which version its sender understands, and may
/// answer in another. Where it may take the packet as one of another protocol, that protocol decides, and not we.
async fn of_no_version(cx: &Cx, case: &'static Case, probe: &mut Probe) -> Option<Judged> {
    let main = statements(case).first().copied();
    if !matches!(main, Some("MQTT-3.1.2-1" | "MQTT-3.1.2-2")) {
        return None;
    }
    if case.reactions().iter().any(|allowed| allowed == "accept") {
        probe.peek(cx.wait()).await;
        return Some(pass("another protocol may be meant"));
    }
    other_format(cx, probe).await
}

/// Like [`reaction`]; a message that breaks the standard is what another vector published, and shows only that this
/// packet was taken.
async fn settled(cx: &Cx, probe: &mut Probe) -> Result<Reaction, Outcome> {
    let found = reaction(cx, probe).await;
    let publish = PacketType::from_number(probe.unread().first().map_or(0, |byte| byte >> 4));
    if found.is_ok() || publish != Some(PacketType::Publish) {
        return found;
    }
    let end = match probe.expect_close(cx.wait() / 4).await.close {
        Some(_) => End::Closed,
        None => End::CarriesOn,
    };
    let records = cx.journal.records().into_iter();
    let packets = records.filter_map(|record| match record.event {
        Event::Received(packet, ..) if packet.packet_type() != PacketType::ConnAck => Some(packet),
        _ => None,
    });
    let packets = packets.collect();
    Ok(Reaction { packets, end })
}

/// Leaves nothing behind at a server that took the packet: no will, no retained message.
async fn leave(cx: &Cx, case: &Case, probe: Probe) {
    probe.disconnect(cx.wait() / 4).await;
    if case.packet_type() == Some(PacketType::Publish) && case.wire[0] & 1 == 1 {
        cx.will_retain(RETAINED);
        cx.tidy().await;
    }
}

/// Passes what the vector allows, and has everything else judged by each statement that it cites; the worst counts.
fn weigh(cx: &Cx, case: &'static Case, reaction: &Reaction) -> Judged {
    if let Some(word) = word(reaction)
        && allows(case.reactions(), &word)
    {
        return pass(word);
    }
    if case.vector.first && case.packet_type() != Some(PacketType::Connect) {
        return before_connect(cx, reaction);
    }
    let judged = statements(case).into_iter().map(|id| {
        let (Ok(outcome) | Err(outcome)) = judge(cx, reaction, id, case.vector.first);
        let mut graded = outcome.graded(cx.version, &[id]);
        if graded.verdict == Verdict::Fail && !cx.five() && !case.vector.first {
            // What asks for the close in 3.1.1.
            graded.cites.push("MQTT-4.8.0-1");
        }
        graded
    });
    // The first of the worst: the earlier statement is the one to look up.
    let worst = judged.reduce(|a, b| if rank(&b) > rank(&a) { b } else { a });
    worst.map_or_else(|| fail("the vector cites no statement"), Ok)
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

/// The reaction in a word of the vectors; `None` when none of their words fits.
fn word(reaction: &Reaction) -> Option<String> {
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

/// Whether a reaction is among those that a vector lists.
fn allows(list: &[String], word: &str) -> bool {
    let has = |word: &str| list.iter().any(|allowed| allowed == word);
    match word.split_once(' ') {
        None => has(word),
        Some((packet @ ("CONNACK" | "DISCONNECT"), _)) => {
            has(word) || has(&format!("{packet} error"))
        }
        Some((_, code)) => has(word) || has("accept") || OTHER_REASONS.contains(&code),
    }
}

/// The verdict of the worst, all that were not right in words, and the exchange of the first of the worst.
fn sum_up(cx: &Cx, findings: &[Finding], total: usize) -> Judged {
    let Some(worst) = findings.iter().map(|f| rank(&f.outcome)).max() else {
        return Err(inconclusive("no packet could be sent"));
    };
    let of_rank = |rank_of: u8| findings.iter().filter(move |f| rank(&f.outcome) == rank_of);
    let first = of_rank(worst).next();
    let verdict = first.map_or(Verdict::Inconclusive, |f| f.outcome.verdict);
    if let Some(first) = first {
        cx.journal.append(&first.cx.journal);
    }
    let right = of_rank(0).count();
    let mut message =
        format!("{right} of {total} broken packets got a reaction that the standard allows");
    let mut groups: Vec<(u8, &str, Vec<&str>)> = Vec::new();
    for rank_of in (1..=4).rev() {
        for found in of_rank(rank_of) {
            let (text, name) = (found.outcome.message.as_str(), &*found.case.vector.name);
            match groups
                .iter_mut()
                .find(|(r, t, _)| (*r, *t) == (rank_of, text))
            {
                Some((.., names)) => names.push(name),
                None => groups.push((rank_of, text, vec![name])),
            }
        }
    }
    for (_, text, names) in groups.iter().take(MOST_GROUPS) {
        let more = match names.len().saturating_sub(MOST_NAMES) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let some = names[..names.len().min(MOST_NAMES)].join(", ");
        message += &format!("; {some}{more}: {text}");
    }
    let others = groups
        .iter()
        .skip(MOST_GROUPS)
        .map(|(.., names)| names.len());
    match others.sum() {
        0 => {}
        n => message += &format!("; {n} more were not right in other ways"),
    }
    let unsent = total - findings.len();
    if unsent > 0 {
        message += &format!("; {unsent} were not tried, because the server stopped answering");
    }
    if unsent > 0 && verdict == Verdict::Pass {
        return Err(inconclusive(message));
    }
    let mut cites: Vec<&'static str> = Vec::new();
    for found in of_rank(worst).filter(|_| worst > 0) {
        let own = match found.outcome.cites.is_empty() {
            true => statements(found.case),
            false => found.outcome.cites.clone(),
        };
        cites.extend(
            own.into_iter()
                .filter(|id| !cites.contains(id))
                .collect::<Vec<_>>(),
        );
    }
    Ok(Outcome::new(verdict, message).citing(&cites))
}
