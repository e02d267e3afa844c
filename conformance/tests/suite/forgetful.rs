//! Brokers that keep a part of a session: what they lose is one failure, and not many.

use crate::{
    house::{House, story},
    odd::{From, Hands, Rule, body, kind, qos},
};
use squall_conformance::Options;
use squall_protocol::Version::{V3_1_1, V5_0};
use squall_reports::Verdict;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

/// Loses subscriptions with QoS 0 when a session is resumed; a session that has no others is gone.
fn loses_qos_0() -> House {
    House::odd(|| {
        // Whether a client identifier has a subscription with QoS 1 or 2.
        let firm: Rc<RefCell<BTreeMap<Vec<u8>, bool>>> = Rc::default();
        Box::new(move || {
            let firm = Rc::clone(&firm);
            let mut id = Vec::new();
            let resumed = Cell::new(false);
            let subscribed = Cell::new(false);
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                match (from, kind(packet)) {
                    (From::Client, 1) => {
                        // The identifier is the last field of these that have no will.
                        id = packet[packet.len().saturating_sub(20)..].to_vec();
                        resumed.set(body(packet)[7] & 2 == 0 && firm.borrow().contains_key(&id));
                    }
                    (From::Client, 8) => {
                        subscribed.set(true);
                        let strong = packet.last().is_some_and(|options| options & 3 > 0);
                        *firm.borrow_mut().entry(id.clone()).or_default() |= strong;
                    }
                    (From::Broker, 2) if resumed.get() && !firm.borrow()[&id] => {
                        let mut packet = packet.to_vec();
                        packet[2] = 0;
                        return hands.client().send(&packet);
                    }
                    (From::Broker, 3) if resumed.get() && !subscribed.get() && qos(packet) == 0 => {
                        return;
                    }
                    _ => {}
                }
                hands.pass(from, packet);
            }) as Rule
        })
    })
}

#[test]
fn subscriptions_with_qos_0_that_are_lost_are_one_failure() {
    let house = loses_qos_0();
    let options = Options {
        only: ["session/*", "resume/*", "will/*"]
            .map(str::to_owned)
            .to_vec(),
        versions: vec![V3_1_1, V5_0],
        ..Options::default()
    };
    let found = house.conform(&options).results;
    let fails = |r: &&squall_reports::CheckResult| r.verdict == Verdict::Fail;
    let names: Vec<&str> = found.iter().filter(fails).map(|r| &*r.check).collect();
    // A session without subscriptions is gone too, where one with them is kept.
    let known = ["session/kept"];
    let stories: Vec<String> = found.iter().filter(fails).map(story).collect();
    let judged = |id: &str| {
        found
            .iter()
            .any(|r| r.check == id && r.verdict == Verdict::Pass)
    };
    assert!(judged("resume/1-resent") && judged("session/own-identifier"));
    assert!(
        names.iter().all(|name| known.contains(name)) && names.len() == 2,
        "{}",
        stories.join("\n\n")
    );
}
