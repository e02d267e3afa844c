//! One rule of the standard a test: somebody who breaks it fails its check, and somebody odd who does not is left alone.

use crate::{
    house::{House, story},
    odd::{From, Hands, Line, Rule, body, kind, qos, topic, with_body},
};
use squall_conformance::Options;
use squall_protocol::Version::{self, V5_0};
use squall_reports::Verdict;
use squall_saboteurs::Switch;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::Duration,
};
use tokio::{task::spawn_local, time::sleep};

/// The check fails; what is missing is waited for in short.
fn fails(house: &House, check: &str, version: Version) {
    let options = Options {
        versions: vec![version],
        only: vec![check.to_owned()],
        wait: Duration::from_secs(1),
        ..Options::default()
    };
    let result = &house.conform(&options).results[0];
    assert_eq!(result.verdict, Verdict::Fail, "{}", story(result));
}

/// Neither fails nor warns.
fn spares(house: &House, only: &[&str]) {
    let options = Options {
        only: only.iter().map(|&name| name.to_owned()).collect(),
        ..Options::default()
    };
    for result in house.conform(&options).results {
        let accused = matches!(result.verdict, Verdict::Fail | Verdict::Warn);
        assert!(!accused, "{}", story(&result));
    }
}

/// Sends what the broker sends late, where `late` holds.
fn delaying(late: impl Fn(&[u8]) -> bool + Send + Clone + 'static) -> House {
    House::each(move |from, packet, hands| match from {
        From::Broker if late(packet) => {
            hands.client().send_late(Duration::from_millis(900), packet);
        }
        _ => hands.pass(from, packet),
    })
}

/// Keeps the wills `last words` to itself.
fn without_last_words() -> House {
    House::each(|from, packet, hands| {
        let will = kind(packet) == 3 && packet.ends_with(b"last words");
        if !(from == From::Broker && will) {
            hands.pass(from, packet);
        }
    })
}

#[test]
fn a_will_comes_after_every_end_without_disconnect_0x00() {
    // A broker for which each DISCONNECT is a normal one.
    let house = House::each(|from, packet, hands| {
        match from == From::Client && kind(packet) == 14 && body(packet).first() == Some(&0x80) {
            true => hands.pass(from, &[0xE0, 0]),
            false => hands.pass(from, packet),
        }
    });
    fails(&house, "will/on-error-disconnect", V5_0);
    let house = without_last_words();
    for version in Version::ALL {
        fails(&house, "will/on-takeover", version);
        fails(&house, "will/on-keep-alive", version);
    }
    // Wills that come late are wills; one that sends none at all fails will/on-drop.
    let ends_of = [
        "will/on-error-disconnect",
        "will/on-takeover",
        "will/on-keep-alive",
    ];
    spares(
        &delaying(|packet| kind(packet) == 3 && packet.ends_with(b"last words")),
        &ends_of,
    );
    spares(&House::broker(Some(Switch::NoWill)), &ends_of);
}

#[test]
fn a_copy_with_a_qos_that_no_subscription_asks_for_is_wrong() {
    // Retained messages come with QoS 0 first, before the one that the subscription is due.
    let house = House::each(|from, packet, hands| {
        let retained = kind(packet) == 3 && packet[0] & 1 == 1 && qos(packet) == 1;
        if from == From::Broker && retained {
            let at = 2 + topic(packet).len();
            let bytes = body(packet);
            let copy = [&bytes[..at], &bytes[at + 2..]].concat();
            hands.client().send(&with_body(0x31, &copy));
        }
        hands.pass(from, packet);
    });
    for version in Version::ALL {
        fails(&house, "retained/qos", version);
    }
}

#[test]
fn a_client_that_only_receives_is_silent() {
    let house = House::broker(Some(Switch::IgnoreKeepAlive));
    for version in Version::ALL {
        fails(&house, "keep-alive/receiving-is-no-sign", version);
    }
    spares(
        &delaying(|packet| kind(packet) == 13),
        &["keep-alive/receiving-is-no-sign"],
    );
}

/// A broker that begins a session anew when its client connects while its connection still stands.
fn forgets_at_takeover() -> House {
    House::odd(|| {
        let here: Rc<RefCell<BTreeSet<Vec<u8>>>> = Rc::default();
        Box::new(move || {
            let here = Rc::clone(&here);
            let (mut id, mut fresh) = (Vec::new(), false);
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                match (from, kind(packet)) {
                    (From::Client, 1) => {
                        id = packet[packet.len().saturating_sub(16)..].to_vec();
                        if !here.borrow_mut().insert(id.clone()) {
                            fresh = true;
                            let mut clean = body(packet).to_vec();
                            clean[7] |= 2;
                            return hands.pass(from, &with_body(packet[0], &clean));
                        }
                    }
                    (From::Client, 14) => {
                        here.borrow_mut().remove(&id);
                    }
                    // It says that the session is there.
                    (From::Broker, 2) if fresh => {
                        let mut packet = packet.to_vec();
                        packet[2] = 1;
                        return hands.client().send(&packet);
                    }
                    _ => {}
                }
                hands.pass(from, packet);
            }) as Rule
        })
    })
}

#[test]
fn a_takeover_goes_on_with_the_session() {
    let house = forgets_at_takeover();
    for version in Version::ALL {
        fails(&house, "session/kept-at-takeover", version);
        fails(&house, "resume/1-resent-at-takeover", version);
    }
    let both = ["session/kept-at-takeover", "resume/1-resent-at-takeover"];
    spares(&delaying(|packet| kind(packet) == 3), &both);
    // What keeps no session at all fails session/kept, and says nothing here.
    let clean = House::each(|from, packet, hands| {
        if from == From::Client && kind(packet) == 1 {
            let mut clean = body(packet).to_vec();
            clean[7] |= 2;
            return hands.pass(from, &with_body(packet[0], &clean));
        }
        hands.pass(from, packet);
    });
    spares(&clean, &both);
}

/// A group whose other members get what the chosen one was sent, `when` that is over.
fn offering(when: impl Fn(&[u8]) -> bool + Send + Clone + 'static) -> House {
    House::odd(move || {
        let lines: Rc<RefCell<Vec<Line>>> = Rc::default();
        let last: Rc<RefCell<Vec<u8>>> = Rc::default();
        let when = when.clone();
        Box::new(move || {
            let (lines, last, when) = (Rc::clone(&lines), Rc::clone(&last), when.clone());
            let number = Cell::new(usize::MAX);
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                let shared = packet.windows(7).any(|w| w == b"$share/");
                if from == From::Client && kind(packet) == 8 && shared {
                    number.set(lines.borrow().len());
                    lines.borrow_mut().push(hands.client().clone());
                }
                if from == From::Broker && kind(packet) == 3 && packet.ends_with(b"m") {
                    last.borrow_mut().clone_from(&packet.to_vec());
                }
                hands.pass(from, packet);
                if when(packet) && number.get() < 2 {
                    let copy = last.borrow().clone();
                    lines.borrow()[1 - number.get()].send_late(Duration::from_millis(700), &copy);
                }
            }) as Rule
        })
    })
}

#[test]
fn a_message_of_a_group_stays_with_its_member() {
    let refuses = |packet: &[u8]| kind(packet) == 4 && body(packet).get(2) == Some(&0x83);
    fails(&offering(refuses), "shared/refused-not-offered", V5_0);
    let begun = |packet: &[u8]| kind(packet) == 3 && qos(packet) == 2 && packet.ends_with(b"m");
    fails(&offering(begun), "shared/2-stays-with-its-member", V5_0);
    spares(
        &delaying(|packet| matches!(kind(packet), 3..=7)),
        &[
            "shared/refused-not-offered",
            "shared/2-stays-with-its-member",
        ],
    );
}

/// A PINGRESP waits for the next one for a while. Nobody says how soon one has to come.
#[test]
fn answers_may_come_together() {
    let house = House::odd(|| {
        Box::new(|| -> Rule {
            let held: Rc<RefCell<Option<Vec<u8>>>> = Rc::default();
            Box::new(move |from, packet, hands| {
                if from != From::Broker || kind(packet) != 13 {
                    return hands.pass(from, packet);
                }
                if let Some(first) = held.take() {
                    return hands.client().send(&[&first[..], packet].concat());
                }
                held.replace(Some(packet.to_vec()));
                let (line, held) = (hands.client().clone(), Rc::clone(&held));
                spawn_local(async move {
                    sleep(Duration::from_millis(700)).await;
                    held.take().into_iter().for_each(|first| line.send(&first));
                });
            })
        })
    });
    spares(&house, &["vectors/ping"]);
}
