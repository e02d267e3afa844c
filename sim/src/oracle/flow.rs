//! The monitors of `squall-history` over a trace: the broker is watched on its side of the wire and each client on its
//! own, with the same rules.

use super::{Broken, History, findings::Findings};
use crate::trace::{Node, What};
use squall_history::{End, Finding, Monitors, Record, Scene, Seen};
use squall_protocol::Role;

pub(super) fn judge(history: &History<'_>, broken: &mut Findings) {
    let name = |client| history.name(client).to_owned();
    let scene = || Scene {
        version: history.version,
        name: &name,
        server: "the broker",
        own_topics: None,
    };
    let mut broker = Monitors::of(Role::Server, scene());
    let mut clients = Monitors::of(Role::Client, scene());
    // Which dial of each client it is.
    let mut dials = vec![0; history.plan.clients.len()];
    for (ix, record) in history.records.iter().enumerate() {
        let mut found = |finding| broken.push(told(finding));
        match (&record.what, record.node) {
            (What::Broker { client, event }, _) => {
                let end = End {
                    side: Role::Server,
                    client: *client,
                    session: history.session(*client),
                    conn: event.conn().0,
                };
                if let Some(seen) = at_broker(event) {
                    broker.see(&Record { ix, end, seen }, &mut found);
                }
            }
            (What::Dial, Node::Client(client)) => dials[client] += 1,
            (What::Client(event), Node::Client(client)) => {
                let end = End {
                    side: Role::Client,
                    client,
                    session: client,
                    conn: dials[client],
                };
                if let Some(seen) = at_client(event) {
                    clients.see(&Record { ix, end, seen }, &mut found);
                }
            }
            _ => {}
        }
    }
}

fn at_broker(event: &squall_broker::Event) -> Option<Seen<'_>> {
    use squall_broker::Event;
    match event {
        Event::Received { frame, .. } => Some(Seen::Received(&frame.packet)),
        Event::Sent { frame, .. } => Some(Seen::Sent(&frame.packet)),
        Event::Closed { .. } => Some(Seen::Closed),
        Event::Opened { .. } | Event::Violation { .. } => None,
    }
}

fn at_client(event: &squall_client::Event) -> Option<Seen<'_>> {
    use squall_client::Event;
    match event {
        Event::Received(frame) => Some(Seen::Received(&frame.packet)),
        Event::Sent(frame) => Some(Seen::Sent(&frame.packet)),
        Event::Ended { .. } => Some(Seen::Closed),
        _ => None,
    }
}

fn told(finding: Finding) -> Broken {
    let Finding {
        rule,
        statements,
        message,
        expected,
        witness,
    } = finding;
    Broken {
        rule,
        statements,
        message,
        expected,
        source: None,
        witness,
        absence: false,
    }
}
