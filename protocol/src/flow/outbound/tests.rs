use super::*;
use proptest::prelude::*;

const V5: Version = Version::V5_0;

fn again(flows: &mut Outbound<&str>) -> Vec<String> {
    flows.resume();
    rest(flows)
}

/// What may be sent again now.
fn rest(flows: &mut Outbound<&str>) -> Vec<String> {
    let mut rest = Vec::new();
    while let Some(again) = flows.next_again() {
        rest.push(match again {
            Resend::Publish(id, qos, m) => format!("publish {id} qos {qos} {m}"),
            Resend::PubRel(id) => format!("pubrel {id}"),
        });
    }
    rest
}

fn outcome<T>(action: Action, message: Option<T>) -> Outcome<T> {
    Outcome { action, message }
}

#[test]
fn resends_in_the_order_of_first_sending_even_after_identifiers_wrap() {
    let mut out = Outbound::new(65_535);
    for _ in 0..u16::MAX - 1 {
        let id = out.reserve().expect("a free identifier");
        out.give_up(id);
    }
    out.begin(QoS::AtLeastOnce, "a");
    let b = out.begin(QoS::ExactlyOnce, "b").unwrap();
    out.begin(QoS::AtLeastOnce, "c");
    let pubrec = |out: &mut Outbound<_>| out.handle_pubrec(V5, b, ReasonCode::SUCCESS);
    assert_eq!(pubrec(&mut out), outcome(Action::SendPubRel, Some("b")));
    assert_eq!(pubrec(&mut out), outcome(Action::SendPubRel, None));
    assert_eq!(
        again(&mut out),
        ["publish 65535 qos 1 a", "pubrel 1", "publish 2 qos 1 c"]
    );
}

/// A receiver that answers out of order is at fault itself; our PUBRELs follow its PUBRECs all the same.
#[test]
fn pubrels_are_sent_again_in_the_order_of_the_pubrecs() {
    let mut out = Outbound::new(10);
    let ids = ["a", "b", "c"].map(|m| out.begin(QoS::ExactlyOnce, m).unwrap());
    for id in [ids[2], ids[0], ids[2]] {
        out.handle_pubrec(V5, id, ReasonCode::SUCCESS);
    }
    assert_eq!(
        again(&mut out),
        ["pubrel 3", "publish 2 qos 2 b", "pubrel 1"]
    );
}

#[test]
fn the_window_is_the_peers_receive_maximum() {
    let mut out = Outbound::new(2);
    let a = out.begin(QoS::AtLeastOnce, "a").unwrap();
    let b = out.begin(QoS::ExactlyOnce, "b").unwrap();
    assert_eq!(out.begin(QoS::AtLeastOnce, "c"), None);
    assert_eq!(out.handle_puback(V5, a), outcome(Action::Finish, Some("a")));
    assert!(out.begin(QoS::AtLeastOnce, "c").is_some());
    out.handle_pubrec(V5, b, ReasonCode::SUCCESS);
    assert!(!out.has_room(), "a QoS 2 flow counts until PUBCOMP");
    assert_eq!(out.handle_pubcomp(V5, b), outcome(Action::Finish, None));
    assert!(out.has_room());
    out.set_receive_maximum(1);
    assert!(!out.has_room(), "a smaller one on the next connection");
    assert!(out.reserve().is_some(), "requests do not wait for it");
}

#[test]
fn an_error_pubrec_ends_the_flow_and_frees_its_identifier() {
    let mut out = Outbound::new(1);
    let id = out.begin(QoS::ExactlyOnce, "m").unwrap();
    assert_eq!(
        out.handle_pubrec(V5, id, ReasonCode::QUOTA_EXCEEDED),
        outcome(Action::Finish, Some("m"))
    );
    assert_eq!(out.state(id), State::Free);
    assert!(out.has_room() && again(&mut out).is_empty());
}

#[test]
fn in_3_1_1_there_is_no_error_pubrec() {
    let mut out = Outbound::new(1);
    let id = out.begin(QoS::ExactlyOnce, "m").unwrap();
    let pubrec = out.handle_pubrec(Version::V3_1_1, id, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(pubrec, outcome(Action::SendPubRel, Some("m")));
}

#[test]
fn an_abandoned_message_keeps_its_identifier_for_a_whole_turn_of_others() {
    for (version, qos) in [
        (Version::V3_1_1, QoS::AtLeastOnce),
        (Version::V3_1_1, QoS::ExactlyOnce),
        (V5, QoS::AtLeastOnce),
        (V5, QoS::ExactlyOnce),
    ] {
        let mut out = Outbound::new(1);
        let old = out.begin(qos, "old").unwrap();
        assert_eq!(out.abandon(old), outcome(Action::Drop, Some("old")));
        assert!(out.is_empty() && out.has_room(), "it is not in flight");
        assert_eq!(again(&mut out), [""; 0], "nothing to send again");
        for nothing in [out.abandon(old), out.give_up(old)] {
            assert_eq!(nothing, outcome(Action::Ignore, None));
        }
        for _ in 0..=u16::MAX {
            let id = out.begin(QoS::AtLeastOnce, "new").unwrap();
            assert_ne!(id, old, "the receiver may remember it");
            assert_eq!(out.handle_puback(version, id).action, Action::Finish);
        }
    }
}

#[test]
fn a_late_pubrec_of_an_abandoned_message_is_answered_to_the_end() {
    for version in Version::ALL {
        let mut out = Outbound::new(2);
        let [one, two] = ["a", "b"].map(|m| out.begin(QoS::ExactlyOnce, m).unwrap());
        out.abandon(one);
        let pubrec = out.handle_pubrec(version, one, ReasonCode::SUCCESS);
        assert_eq!(pubrec, outcome(Action::SendPubRel, None));
        assert!(!out.has_room(), "in flight again");
        let expected = ["pubrel 1", "publish 2 qos 2 b"];
        assert_eq!(again(&mut out), expected);
        assert_eq!(out.handle_pubcomp(version, two).action, Action::Close);
        assert_eq!(out.handle_pubcomp(version, one).action, Action::Finish);
        assert_eq!(out.state(one), State::Free);
    }
}

#[test]
fn an_abandoned_message_ends_as_its_own_kind_does() {
    let mut out = Outbound::new(2);
    let one = out.begin(QoS::AtLeastOnce, "one").unwrap();
    let two = out.begin(QoS::ExactlyOnce, "two").unwrap();
    for id in [one, two] {
        out.abandon(id);
    }
    for version in Version::ALL {
        let close = outcome(Action::Close, None);
        assert_eq!(out.handle_puback(version, two), close);
        assert_eq!(out.handle_pubrec(version, one, ReasonCode::SUCCESS), close);
        for id in [one, two] {
            assert_eq!(out.handle_pubcomp(version, id), close);
            assert_eq!(out.handle_answer(version, id), close);
        }
    }
    let over = outcome(Action::Finish, None);
    let refused = out.handle_pubrec(V5, two, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(refused, over);
    assert_eq!(out.handle_puback(V5, one), over);
    assert_eq!([one, two].map(|id| out.state(id)), [State::Free; 2]);
}

#[test]
fn abandoned_messages_use_identifiers_up_until_the_session_is_discarded() {
    let mut out = Outbound::new(1);
    for n in 1..=u16::MAX {
        let id = out.begin(QoS::AtLeastOnce, n).unwrap();
        assert_eq!(out.abandon(id).action, Action::Drop);
    }
    assert!(out.is_empty() && !out.has_room() && !out.has_free_id());
    assert_eq!(out.begin(QoS::ExactlyOnce, 0), None);
    assert_eq!(out.reserve(), None);
    assert_eq!(out.handle_puback(V5, PacketId::MIN).action, Action::Finish);
    assert_eq!(out.reserve(), Some(PacketId::MIN), "the only free one");
    assert_eq!(out.clear(), [0; 0], "they were given back before");
    assert_eq!(out.begin(QoS::AtLeastOnce, 0), Some(PacketId::MIN.next()));
}

#[test]
fn a_resumed_session_knows_no_requests() {
    let mut out = Outbound::new(1);
    let request = out.reserve().unwrap();
    out.begin(QoS::AtLeastOnce, "m");
    assert_eq!(again(&mut out), ["publish 2 qos 1 m"]);
    assert_eq!(out.state(request), State::Free);
}

#[test]
fn acknowledgements_of_the_wrong_kind_change_nothing() {
    let mut out = Outbound::new(10);
    let one = out.begin(QoS::AtLeastOnce, "one").unwrap();
    let two = out.begin(QoS::ExactlyOnce, "two").unwrap();
    let close = outcome(Action::Close, None);
    for version in Version::ALL {
        assert_eq!(out.handle_puback(version, two), close);
        assert_eq!(out.handle_pubrec(version, one, ReasonCode::SUCCESS), close);
        assert_eq!(out.handle_pubcomp(version, two), close);
        assert_eq!(out.handle_answer(version, one), close);
        let nobody = PacketId::new(99).unwrap();
        let ignored = outcome(Action::Ignore, None);
        assert_eq!(out.handle_puback(version, nobody), ignored);
    }
    assert_eq!(
        again(&mut out),
        ["publish 1 qos 1 one", "publish 2 qos 2 two"]
    );
}

#[test]
fn messages_and_requests_share_the_packet_identifiers() {
    let mut out = Outbound::new(u16::MAX);
    let sub = out.reserve().unwrap();
    for n in 2..=u16::MAX {
        assert_eq!(out.begin(QoS::AtLeastOnce, n), PacketId::new(n));
    }
    assert!(
        !out.has_room(),
        "Receive Maximum lets it, but no identifier is free"
    );
    assert_eq!(out.reserve(), None);
    assert_eq!(out.handle_answer(V5, sub).action, Action::Finish);
    assert_eq!(out.handle_answer(V5, sub).action, Action::Close);
    assert_eq!(out.begin(QoS::ExactlyOnce, 1), Some(sub));
}

#[test]
fn a_discarded_session_gives_its_messages_back_in_order() {
    let mut out = Outbound::new(10);
    let a = out.begin(QoS::ExactlyOnce, "a").unwrap();
    out.begin(QoS::ExactlyOnce, "b");
    out.reserve();
    out.begin(QoS::AtLeastOnce, "c");
    out.handle_pubrec(V5, a, ReasonCode::SUCCESS);
    assert_eq!(out.give_up(a), outcome(Action::Ignore, None));
    assert_eq!(out.clear(), ["b", "c"]);
    assert!(out.is_empty() && again(&mut out).is_empty());
    assert_eq!(out.state(a), State::Free);
}

#[test]
fn sending_again_keeps_to_the_receive_maximum_and_holds_no_pubrel_back() {
    let mut out = Outbound::new(65_535);
    let ids = ["a", "b", "c", "d", "e"].map(|m| out.begin(QoS::ExactlyOnce, m).unwrap());
    for released in [ids[0], ids[3]] {
        out.handle_pubrec(V5, released, ReasonCode::SUCCESS);
    }
    out.set_receive_maximum(1);
    assert_eq!(
        again(&mut out),
        ["pubrel 1", "publish 2 qos 2 b", "pubrel 4"]
    );
    assert!(!out.has_room(), "nothing new goes before what waits");
    // Flows of an earlier connection give nothing back.
    out.handle_pubcomp(V5, ids[0]);
    out.handle_pubcomp(V5, ids[3]);
    assert_eq!(rest(&mut out), [""; 0]);
    // What is acknowledged before its turn is not sent again.
    out.handle_pubrec(V5, ids[2], ReasonCode::SUCCESS);
    out.handle_pubrec(V5, ids[1], ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(rest(&mut out), ["publish 5 qos 2 e"]);
    assert!(!out.has_room(), "3 awaits PUBCOMP, and 5 PUBREC");
    assert!(out.in_flight().eq([ids[2], ids[4]]));
}

#[test]
fn what_waits_is_forgotten_with_the_session() {
    let mut out = Outbound::new(1);
    let id = out.begin(QoS::ExactlyOnce, "a").unwrap();
    out.handle_pubrec(V5, id, ReasonCode::SUCCESS);
    out.resume();
    out.clear();
    assert_eq!(rest(&mut out), [""; 0]);
    let id = out.begin(QoS::AtLeastOnce, "b").unwrap();
    assert_eq!(rest(&mut out), [""; 0], "it was just sent");
    assert_eq!(again(&mut out), [format!("publish {id} qos 1 b")]);
}

/// What was told of each identifier, brought back in any order.
fn restored(from: &Outbound<u32>) -> Outbound<u32> {
    let mut back = Outbound::new(from.receive_maximum);
    for id in from.in_use.keys().rev() {
        if let Some(Kept {
            state,
            places,
            message,
        }) = from.kept(*id)
        {
            assert!(back.restore(*id, state, places, message.copied()));
            assert!(!back.restore(*id, state, places, message.copied()), "twice");
        }
    }
    back
}

proptest! {
    /// A session that was brought back sends the same again, in the same order, and gives out identifiers that are
    /// not in use.
    #[test]
    fn what_is_brought_back_goes_on_as_it_was(
        steps in proptest::collection::vec((0_u8..7, 0_u16..8), 0..60),
        maximum in 1_u16..6,
    ) {
        let mut out = Outbound::new(maximum);
        for (number, (step, id)) in (0_u32..).zip(steps) {
            let id = PacketId::new(id + 1).unwrap();
            match step {
                0 | 1 => drop(out.begin(QoS::ExactlyOnce, number)),
                2 => drop(out.begin(QoS::AtLeastOnce, number)),
                3 => drop(out.handle_puback(V5, id)),
                4 => drop(out.handle_pubrec(V5, id, ReasonCode::SUCCESS)),
                5 => drop(out.handle_pubcomp(V5, id)),
                _ => drop(out.abandon(id)),
            }
        }
        let mut back = restored(&out);
        prop_assert!(out.in_flight().eq(back.in_flight()));
        let everything = |flows: &mut Outbound<u32>| {
            flows.set_receive_maximum(u16::MAX);
            flows.resume();
            let mut all = Vec::new();
            while let Some(again) = flows.next_again() {
                all.push(format!("{again:?}"));
            }
            all
        };
        prop_assert_eq!(everything(&mut out), everything(&mut back));
        let next = back.begin(QoS::AtLeastOnce, 0).unwrap();
        prop_assert_eq!(out.state(next), State::Free);
    }
}

#[test]
fn what_cannot_be_in_use_is_not_brought_back() {
    let mut out = Outbound::new(9);
    let id = PacketId::MIN;
    for state in [State::Free, State::AwaitsAnswer, State::AwaitsPubAck] {
        assert!(!out.restore(id, state, (1, 0), None), "{state:?}");
    }
    assert!(!out.restore(id, State::AwaitsPubComp, (1, 2), Some("m")));
    assert!(out.kept(id).is_none() && out.has_free_id() && out.is_empty());
    assert!(out.restore(id, State::AwaitsPubRec, (7, 0), Some("m")));
    assert_eq!(
        out.begin(QoS::AtLeastOnce, "n"),
        Some(id.next()),
        "not used again at once"
    );
    assert_eq!(out.kept(id.next()).unwrap().places, (8, 0));
}
