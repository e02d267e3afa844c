//! What a scripted client does, and what it waits for.

use super::view::ClientView;
use bytes::{Bytes, BytesMut};
use squall_client::{Answers, Script};
use squall_protocol::{Packet, ReasonCode, Version};
use squall_scenarios::{
    action::{Acknowledging, Expect, Send},
    packet::{Awaited, Sending},
};

/// The orders of a send step.
pub(super) fn sends(send: &Send, version: Version) -> Result<Vec<Script>, String> {
    let mut scripts = Vec::new();
    let mut together = BytesMut::new();
    for what in &send.what {
        match what {
            Sending::Rest => {
                if !together.is_empty() {
                    scripts.push(Script::Send(together.split().freeze(), None));
                }
                scripts.push(Script::SendRest);
            }
            Sending::Bytes(bytes) => together.extend_from_slice(bytes),
            Sending::Packet(packet) => together.extend_from_slice(&packet.bytes(version)?),
        }
    }
    let bytes: Bytes = together.freeze();
    if !bytes.is_empty() {
        scripts.push(Script::Send(bytes, send.first.map(|n| n as usize)));
    }
    Ok(scripts)
}

/// What it acknowledges by itself.
pub(super) fn answers(how: &Acknowledging) -> Answers {
    Answers {
        withheld: how.withhold.iter().copied().collect(),
        reason: how.reason.unwrap_or(ReasonCode::SUCCESS),
    }
}

/// What looking at the wire has shown.
pub(super) enum Found {
    /// It has come.
    Came(String),
    /// The connection is over, and that was not expected.
    Over,
    /// Neither.
    NotYet,
}

/// Looks for the first thing that an expect step waits for. What came is taken: it is expected once.
pub(super) fn look(view: &mut ClientView, expect: &Expect, version: Version) -> Found {
    let wanted = |packet: &Packet| {
        let fits = |awaited: &Awaited| match awaited {
            Awaited::Packet(spec) => spec.fits(packet, version),
            Awaited::Closed => false,
        };
        expect.what.iter().any(fits)
    };
    if let Some(packet) = view.wire.take(wanted) {
        return Found::Came(packet.summary());
    }
    match view.wire.open {
        true => Found::NotYet,
        false if expect.what.contains(&Awaited::Closed) => Found::Came("the end".into()),
        false => Found::Over,
    }
}
