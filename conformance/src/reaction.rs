//! How a server reacts to what it has to refuse, and what the standard says to that.
//!
//! Grading is driven by the catalogue: which packet may tell of the error, with which codes, and whether the
//! connection has to be closed. Nothing here knows what was wrong.

use crate::{
    catalogue::{self, BareClose, CloseDuty, Level, ReasonRule, Statement},
    cx::Cx,
    heard::{blocked_by, measured, words},
    outcome::{Judged, Outcome, fail, fail_on, inconclusive, pass, warn},
    rigour::tolerated,
};
use squall_client::probe::{Heard, Kept, Probe};
use squall_protocol::{Packet, PacketType, ReasonCode};
use tokio::time::Instant;

/// What a server did.
#[derive(Debug)]
pub(crate) struct Reaction {
    /// Packets that came, without a PINGRESP.
    pub(crate) packets: Vec<Packet>,
    pub(crate) end: End,
}

/// How it stands with the connection afterwards.
#[derive(Debug)]
pub(crate) enum End {
    Closed,
    /// It answered a PINGREQ that was sent afterwards: it carries on.
    CarriesOn,
    /// Open, and nothing comes any more.
    Mute,
}

/// Watches what comes after the refusable thing was sent on a connection past its CONNACK.
pub(crate) async fn reaction(cx: &Cx, probe: &mut Probe) -> Result<Reaction, Outcome> {
    let mut kept = Kept::new();
    let end = watch(cx, probe, &mut kept).await?;
    let packets = kept.into_packets();
    Ok(Reaction { packets, end })
}

/// Like [`reaction`]; the packets go into `kept`, so they are there also when the end is a violation.
pub(crate) async fn watch(cx: &Cx, probe: &mut Probe, kept: &mut Kept) -> Result<End, Outcome> {
    let until = Instant::now() + cx.wait();
    // A PINGREQ that is sent at once can turn an orderly close into a reset that swallows the DISCONNECT before it.
    let mut ask_at = Some(Instant::now() + cx.grace());
    loop {
        let limit = ask_at
            .unwrap_or(until)
            .saturating_duration_since(Instant::now());
        match probe.next(limit).await {
            Heard::Packet(Packet::PingResp) if ask_at.is_none() => return Ok(End::CarriesOn),
            Heard::Packet(packet) => {
                // After its DISCONNECT a server closes; it is not asked anything any more.
                if matches!(packet, Packet::Disconnect(_)) {
                    ask_at = ask_at.map(|_| until);
                }
                kept.keep(packet, probe.last_len());
            }
            Heard::Violation(violation) => {
                let mut outcome = Outcome::violation(&violation);
                if !cx.five() {
                    // Whatever it says: the connection should have been closed instead.
                    outcome.cites.push("MQTT-4.8.0-1");
                }
                return Err(outcome);
            }
            other @ (Heard::TooLong | Heard::Flood) => {
                return Err(blocked_by(&other, words(&other, cx.wait())));
            }
            Heard::Closed(_) => return Ok(End::Closed),
            Heard::Silence if ask_at.is_some_and(|at| at < until) => {
                ask_at = None;
                // When it cannot be sent, the end of the connection is read next.
                let _ = probe.send(&Packet::PingReq).await;
            }
            Heard::Silence => {
                probe.note(format!("open, and nothing came within {:?}", cx.wait()));
                return Ok(End::Mute);
            }
        }
    }
}

/// What came of an answer that was not there yet when the server showed that it carries on.
pub(crate) enum Late {
    Came(Packet),
    Closed,
    Never,
}

/// Waits for a packet of this type for as long as an answer is waited for: PINGRESP may overtake it.
pub(crate) async fn late(cx: &Cx, probe: &mut Probe, kind: PacketType) -> Late {
    let until = Instant::now() + cx.wait();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match probe.next(left).await {
            Heard::Packet(packet) if packet.packet_type() == kind => return Late::Came(packet),
            Heard::Packet(_) => {}
            Heard::Closed(_) => return Late::Closed,
            _ => {
                probe.note(format!("no {kind} within {:?}", cx.wait()));
                return Late::Never;
            }
        }
    }
}

/// Judges the reaction to an error by the statement `id`. `in_connect`: the error was in the CONNECT itself.
pub(crate) fn judge(cx: &Cx, reaction: &Reaction, id: &'static str, in_connect: bool) -> Judged {
    let Some(statement) = catalogue::find(cx.version, id) else {
        return Err(inconclusive(format!(
            "{id} is not in the catalogue of {}",
            cx.version
        )));
    };
    if in_connect {
        if let Some(judged) = judge_connack(cx, reaction, statement, id) {
            return judged;
        }
    } else if let Some(packet) = reaction
        .packets
        .iter()
        .find(|p| !matches!(p, Packet::Disconnect(_) | Packet::Publish(_)))
    {
        return tolerated(
            cx,
            statement,
            id,
            format!(
                "the server answered {} instead of closing the connection",
                packet.summary()
            ),
        )
        .map(|outcome| outcome.showing(packet));
    }
    let told = reaction.packets.iter().find_map(|packet| match packet {
        Packet::Disconnect(p) => Some(p.reason),
        _ => None,
    });
    match (&reaction.end, told) {
        (End::Closed, Some(code)) if !in_connect => judge_code(statement, "DISCONNECT", code),
        (End::Closed, _) if in_connect && statement.bare_close == Some(BareClose::NotAllowed) => {
            fail("the server closed the connection without the CONNACK that has to come first")
        }
        (End::Closed, _) => pass("the server closed the connection"),
        // [MQTT-3.14.4-2] (5.0)
        (_, Some(code)) => fail_on(
            &["MQTT-3.14.4-2"],
            format!("the server sent DISCONNECT {code} and left the connection open"),
        ),
        (End::CarriesOn, None) if statement.close == Some(CloseDuty::May) => {
            pass("the server carries on, which the standard leaves to it")
        }
        (End::CarriesOn, None) => tolerated(
            cx,
            statement,
            id,
            "the server did not close the connection and carries on".to_owned(),
        )
        .map(|outcome| outcome.showing(&Packet::PingResp)),
        (End::Mute, None) if in_connect => {
            // Whatever is in doubt about the fault: a CONNECT that is taken gets a CONNACK, any other a close.
            fail_on(
                &[id, "MQTT-3.1.4-1"],
                format!(
                    "the server neither answered nor closed the connection within {:?}",
                    cx.wait()
                ),
            )
        }
        // What it did not check is where the packet ends, so it may take the PINGREQ for a part of it.
        (End::Mute, None) if cx.five() && id == "X-5.0-vbi-1" => warn(
            "the server did not close the connection, and waits for the rest of a packet of no lawful length",
        ),
        // It noticed the error, then it has to close; or it did not, then it has to answer PINGREQ.
        (End::Mute, None) => fail_on(
            &[id, "MQTT-3.12.4-1"],
            format!(
                "the server neither closed the connection nor answered PINGREQ within {:?}",
                cx.wait()
            ),
        ),
    }
}

/// A CONNACK, or a DISCONNECT where a CONNACK would be; `None` when neither came.
fn judge_connack(
    cx: &Cx,
    reaction: &Reaction,
    statement: &Statement,
    id: &'static str,
) -> Option<Judged> {
    match reaction.packets.first()? {
        Packet::ConnAck(connack) if connack.reason == ReasonCode::SUCCESS => {
            // [MQTT-3.1.4-1] binds the server to check CONNECT in both versions, so this is a failure in 5.0 too, unless
            // the statement itself is in doubt.
            let cites: &[&'static str] = if statement.unsure.is_some() {
                &[id]
            } else {
                &[id, "MQTT-3.1.4-1"]
            };
            Some(fail_on(cites, "the server accepted the connection"))
        }
        Packet::ConnAck(connack) => {
            if !matches!(reaction.end, End::Closed) {
                // [MQTT-3.2.2-5] (3.1.1), [MQTT-3.2.2-7] (5.0)
                let rule = cx.pick("MQTT-3.2.2-5", "MQTT-3.2.2-7");
                let text = format!(
                    "the server refused with CONNACK {} and left the connection open",
                    connack.reason
                );
                return Some(fail_on(&[rule], text));
            }
            let names_code = |rule: &ReasonRule| {
                rule.packet == "CONNACK" && rule.values().any(|code| code == connack.reason.0)
            };
            let owed = statement.bare_close == Some(BareClose::NotAllowed);
            if !cx.five() && !owed && !statement.reason.iter().any(names_code) {
                // [MQTT-3.1.4-1] (3.1.1): what does not conform gets no CONNACK but one that its table has for it.
                let text = format!(
                    "the server answered a malformed CONNECT with CONNACK {} before it closed",
                    connack.reason
                );
                return Some(fail_on(&["MQTT-3.1.4-1"], text));
            }
            Some(judge_code(statement, "CONNACK", connack.reason))
        }
        // [MQTT-3.14.0-1] (5.0)
        Packet::Disconnect(p) => Some(fail_on(
            &["MQTT-3.14.0-1"],
            format!("the server sent DISCONNECT {} before any CONNACK", p.reason),
        )),
        other => Some(fail(format!("the server answered {}", other.summary()))),
    }
}

/// A code that does not fit is at most a SHOULD finding, unless the statement makes the code itself a MUST.
fn judge_code(statement: &Statement, packet: &str, code: ReasonCode) -> Judged {
    let Some(rule) = statement.reason.iter().find(|rule| rule.packet == packet) else {
        return pass(format!(
            "the server sent {packet} {code} and closed the connection"
        ));
    };
    // Where the standard leaves the error in doubt, it leaves the code in doubt.
    if statement.unsure.is_some() || rule.values().any(|fits| fits == code.0) {
        return pass(format!(
            "the server sent {packet} {code} and closed the connection"
        ));
    }
    let text = format!(
        "the server closed the connection, but {packet} {code} does not say what is wrong; {} fits",
        rule.codes.join(" or ")
    );
    match rule.level {
        Level::Must => fail(text),
        Level::MustNot | Level::Should | Level::May => warn(text),
    }
}

/// Watches what comes after a CONNECT that has to be refused.
pub(crate) async fn refusal(cx: &Cx, probe: &mut Probe) -> Result<Reaction, Outcome> {
    let first = match probe.next(cx.wait()).await {
        Heard::Packet(packet) => Some(packet),
        Heard::Silence => {
            probe.note(format!("open, and nothing came within {:?}", cx.wait()));
            let (packets, end) = (Vec::new(), End::Mute);
            return Ok(Reaction { packets, end });
        }
        _ => None,
    };
    let accepted = matches!(&first, Some(Packet::ConnAck(c)) if c.reason == ReasonCode::SUCCESS);
    if accepted {
        return Ok(Reaction {
            packets: first.into_iter().collect(),
            end: End::CarriesOn,
        });
    }
    let ending = probe.expect_close(cx.wait()).await;
    if let Some(violation) = ending.violation {
        return Err(Outcome::violation(&violation));
    }
    measured(&ending)?;
    let end = match ending.close {
        Some(_) => End::Closed,
        None => {
            probe.note(format!("still open after {:?}", cx.wait()));
            End::Mute
        }
    };
    let packets = first.into_iter().chain(ending.before).collect();
    Ok(Reaction { packets, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::Env;
    use squall_protocol::{Properties, Version, packet::ConnAck};
    use squall_reports::Verdict;
    use std::{rc::Rc, time::Duration};

    /// The verdict about a CONNECT of 3.1.1 that breaks `id` and gets this return code and a close.
    fn refused_with(id: &'static str, code: u8) -> Verdict {
        let (nowhere, _) = squall_transport::Memory::listen();
        let env = Env::new(nowhere.into(), Duration::ZERO, "run".to_owned());
        let cx = Cx::new(Rc::new(env), Version::V3_1_1, 0, "1".to_owned(), id);
        let connack = ConnAck {
            session_present: false,
            reason: ReasonCode(code),
            properties: Properties::new(),
        };
        let reaction = Reaction {
            packets: vec![Packet::ConnAck(connack)],
            end: End::Closed,
        };
        judge(&cx, &reaction, id, true).unwrap().verdict
    }

    #[test]
    fn a_return_code_that_its_table_has_for_the_fault_is_no_failure() {
        assert_eq!(refused_with("MQTT-3.1.3-11", 4), Verdict::Pass);
        assert_eq!(refused_with("MQTT-3.1.3-11", 5), Verdict::Fail);
        assert_eq!(refused_with("MQTT-3.1.3-4", 2), Verdict::Pass);
        assert_eq!(refused_with("MQTT-3.1.2-3", 2), Verdict::Fail);
    }
}
