//! One packet of the collection: sent, and what the server does judged.

use super::{
    allowed::{allows, word},
    case::{may_be_taken, statements},
    leaves::leaves,
    scene::{Plan, Scene},
    worst::{rank, worse},
};
use crate::{
    check::connect::{before_connect, other_format, stray_connack},
    cx::Cx,
    heard::words,
    outcome::{Judged, Outcome, fail, fail_on, interrupted, pass},
    reaction::{End, Reaction, judge, refusal, watch},
    rigour::granted,
};
use squall_client::probe::{Heard, Kept, Probe};
use squall_protocol::{Packet, PacketType, Rule};
use squall_reports::Verdict;
use squall_vectors::Case;
use std::time::Duration;

/// Sends one packet on a connection of its own; gives the judgement, and how the connection stood then. `staged`: a
/// scene in which taking it has a consequence can be made ready at this target.
pub(super) async fn play(
    cx: &Cx,
    case: &'static Case,
    staged: bool,
) -> Result<(Judged, End), Outcome> {
    match case.vector.first {
        true => first(cx, case).await,
        false => later(cx, case, staged).await,
    }
}

/// A packet after CONNECT and CONNACK.
async fn later(cx: &Cx, case: &'static Case, staged: bool) -> Result<(Judged, End), Outcome> {
    let plan = match staged {
        true => Plan::of(case),
        false => Plan::Bare,
    };
    let mut scene = Scene::set(cx, case, plan).await?;
    let left = leaves(&scene.wire, case.version);
    for what in &left {
        cx.will_leave(what.clone());
    }
    scene
        .client
        .send_raw(&title(case), &scene.wire.clone())
        .await?;
    let (mut reaction, whole) = settled(cx, &mut scene.client.probe).await?;
    let mut judged = weigh(cx, case, &reaction);
    let taken = word(&reaction).is_some_and(|word| word == "accept") && may_be_taken(case);
    let parted = matches!(plan, Plan::Farewell { .. }) && matches!(reaction.end, End::Closed);
    // What it is blamed or warned for already is not asked for its consequences too.
    let right = matches!(&judged, Ok(outcome) if outcome.verdict == Verdict::Pass);
    if whole
        && right
        && (taken || parted)
        && let Some(followed) = scene.followed(cx, case, &mut reaction).await
    {
        judged = worse(judged, followed);
    }
    match reaction.end {
        // A server that took the packet has what the packet says: a retained message.
        End::CarriesOn if !left.is_empty() => cx.tidy().await,
        End::CarriesOn => {}
        End::Closed => left.iter().for_each(|what| cx.has_not_left(what)),
        // It is not known; the check tidies up when it is done.
        End::Mute => {}
    }
    Ok((judged, reaction.end))
}

/// A packet in the place of the CONNECT.
async fn first(cx: &Cx, case: &'static Case) -> Result<(Judged, End), Outcome> {
    let mut probe = cx.open("client").await?;
    let left = leaves(&case.wire, case.version);
    for what in &left {
        cx.will_leave(what.clone());
    }
    let sent = probe.send_raw(&title(case), &case.wire).await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    if let Some(judged) = of_no_version(cx, case, &mut probe).await {
        return Ok((judged, End::Closed));
    }
    if case.packet_type() != Some(PacketType::Connect)
        && let Some(judged) = stray_connack(cx, &mut probe).await
    {
        return Ok((judged, End::Closed));
    }
    let mut reaction = refusal(cx, &mut probe).await?;
    let mut judged = weigh(cx, case, &reaction);
    if matches!(reaction.end, End::CarriesOn) {
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
            if !left.is_empty() {
                cx.tidy().await;
            }
        }
        End::Closed => left.iter().for_each(|what| cx.has_not_left(what)),
        End::Mute => {}
    }
    Ok((judged, reaction.end))
}

/// The vector's name and what is special about it.
fn title(case: &Case) -> String {
    format!("{}: {}", case.vector.name, case.vector.says)
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
/// what another vector published, and an acknowledgement with packet identifier 0 repeats that of this one. The second
/// value says whether what comes next can be read.
async fn settled(cx: &Cx, probe: &mut Probe) -> Result<(Reaction, bool), Outcome> {
    let mut kept = Kept::new();
    let found = watch(cx, probe, &mut kept).await;
    let mut packets = kept.into_packets();
    let violation = match probe.next(Duration::ZERO).await {
        Heard::Violation(violation) => violation,
        other => {
            // A late answer that came with that to the PINGREQ: it is one all the same.
            if let Heard::Packet(packet) = other {
                packets.push(packet);
            }
            return found.map(|end| (Reaction { packets, end }, true));
        }
    };
    let answered = PacketType::from_number(probe.unread().first().map_or(0, |byte| byte >> 4));
    if answered != Some(PacketType::Publish) && violation.rule != Rule::PacketIdZero {
        return found.map(|end| (Reaction { packets, end }, true));
    }
    let end = match probe.expect_close(cx.wait() / 4).await.close {
        Some(_) => End::Closed,
        None => End::CarriesOn,
    };
    Ok((Reaction { packets, end }, false))
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
        return pass(word);
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
