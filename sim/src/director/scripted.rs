//! What a scripted client or broker does, and what it waits for.

use super::{
    stage::Stage,
    wire::{Ids, Wire},
};
use crate::order::Order;
use bytes::{Bytes, BytesMut};
use squall_client::{Answers, Command, Script};
use squall_protocol::{Packet, ReasonCode, Version};
use squall_scenarios::{
    action::{Acknowledging, Expect, Send},
    model::{Action, ClientIx},
    packet::{Awaited, PacketSpec, Sending},
};

/// Gives the orders of a step that a scripted client carries out at once.
pub(super) fn start(
    client: ClientIx,
    action: &Action,
    stage: &mut Stage<'_>,
) -> Result<(), String> {
    let scripts = match action {
        Action::Dial(_) => {
            // What comes next waits for this connection, not for the one before.
            stage.clients[client].wire.dialled();
            vec![Script::Dial(stage.speaks(client))]
        }
        Action::Send(_) if !stage.clients[client].wire.takes() => {
            let name = &stage.scenario.clients[client].name;
            return Err(format!("{name} has no connection to send it on"));
        }
        Action::Send(send) => sends(
            send,
            stage.speaks(client),
            &stage.ids[client],
            Script::Send,
            || Script::SendRest,
        )?,
        Action::Acknowledge(ack) => vec![Script::Answer(answers(&ack.how))],
        Action::Read(read) => vec![Script::Read(read.read)],
        _ => unreachable!("the other steps have an outcome"),
    };
    for script in scripts {
        stage.tell(client, Command::Script(script));
    }
    Ok(())
}

/// Gives the orders of a step that a scripted broker carries out at once.
pub(super) fn start_broker(
    client: ClientIx,
    action: &Action,
    stage: &mut Stage<'_>,
) -> Result<(), String> {
    use squall_broker::Script;
    // What it answers it may be told before anybody is there.
    if !stage.lines[client].open && !matches!(action, Action::Acknowledge(_)) {
        let name = &stage.scenario.clients[client].name;
        return Err(format!("{name} has no connection to the broker"));
    }
    let scripts = match action {
        Action::Send(send) => sends(
            send,
            stage.speaks(client),
            &stage.ids[client],
            Script::Send,
            || Script::SendRest,
        )?,
        Action::Acknowledge(ack) => vec![Script::Answer(squall_broker::Answers {
            withheld: ack.how.withhold.iter().copied().collect(),
            reason: ack.how.reason.unwrap_or(ReasonCode::SUCCESS),
        })],
        Action::Read(read) => vec![Script::Read(read.read)],
        Action::Drop(_) => {
            stage.lines[client].dropped();
            vec![Script::Close]
        }
        _ => unreachable!("the language lets a broker do nothing else at once"),
    };
    for script in scripts {
        stage.order(Order::Broker(client, script));
    }
    Ok(())
}

/// The scripts of a send step: `bytes` sends them, or only so many of them; `rest` what was left before.
fn sends<S>(
    send: &Send,
    version: Version,
    ids: &Ids,
    bytes: fn(Bytes, Option<usize>) -> S,
    rest: fn() -> S,
) -> Result<Vec<S>, String> {
    let mut scripts = Vec::new();
    let mut together = BytesMut::new();
    for what in &send.what {
        match what {
            Sending::Rest => {
                if !together.is_empty() {
                    scripts.push(bytes(together.split().freeze(), None));
                }
                scripts.push(rest());
            }
            Sending::Bytes(said) => together.extend_from_slice(said),
            Sending::Packet(packet) => {
                let numbered = match packet.named_id() {
                    None => None,
                    Some(name) => {
                        let id = ids.get(name);
                        let id =
                            id.ok_or(format!("no packet has come that gives `${name}` a number"))?;
                        Some(packet.with_id(*id))
                    }
                };
                let packet = numbered.as_ref().unwrap_or(packet);
                together.extend_from_slice(&packet.bytes(version)?);
            }
        }
    }
    if !together.is_empty() {
        let first = send.first.map(|n| n as usize);
        scripts.push(bytes(together.freeze(), first));
    }
    Ok(scripts)
}

/// What it acknowledges by itself.
fn answers(how: &Acknowledging) -> Answers {
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
pub(super) fn look(wire: &mut Wire, expect: &Expect, version: Version, ids: &mut Ids) -> Found {
    let one_of = |packet: &Packet| {
        let mut specs = expect.what.iter().filter_map(|awaited| match awaited {
            Awaited::Packet(spec) => Some(spec),
            Awaited::Closed => None,
        });
        specs.find(|spec| fits(spec, packet, version, ids))
    };
    if let Some(packet) = wire.take(|packet| one_of(packet).is_some()) {
        let name = one_of(&packet).and_then(PacketSpec::named_id);
        if let (Some(name), Some(id)) = (name, packet.packet_id()) {
            ids.insert(name.to_owned(), id.get());
        }
        return Found::Came(packet.summary());
    }
    match wire.open {
        true => Found::NotYet,
        false if wire.begun && expect.what.contains(&Awaited::Closed) => {
            wire.left = false;
            Found::Came("the end".into())
        }
        false => Found::Over,
    }
}

/// The numbers of the names that a step waits for, in words.
pub(super) fn numbers(expect: &Expect, ids: &Ids) -> String {
    let names = expect.what.iter().filter_map(|awaited| match awaited {
        Awaited::Packet(spec) => spec.named_id(),
        Awaited::Closed => None,
    });
    let known = names.filter_map(|name| Some(format!("; ${name} is {}", ids.get(name)?)));
    known.collect()
}

/// Whether a packet is the one that is meant. A name that has a number stands for it; one that has none, for any.
fn fits(spec: &PacketSpec, packet: &Packet, version: Version, ids: &Ids) -> bool {
    match spec.named_id().map(|name| ids.get(name)) {
        None => spec.fits(packet, version),
        Some(Some(id)) => spec.with_id(*id).fits(packet, version),
        Some(None) => spec.with_any_id().fits(packet, version),
    }
}
