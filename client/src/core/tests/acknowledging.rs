//! Acknowledgement by hand.

use super::*;

fn by_hand(version: Version) -> ConnectOptions {
    ConnectOptions {
        acknowledgement: Acknowledgement::ByHand,
        ..Rig::options(version)
    }
}

/// The receipts of what a server sends, without what else happens.
fn receive(rig: &mut Rig, packets: impl IntoIterator<Item = Publish>) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for publish in packets {
        let bytes = squall_protocol::encode(&Packet::Publish(publish), rig.version).unwrap();
        rig.client.handle_bytes(rig.now, &bytes);
        while let Some(event) = rig.client.poll_event() {
            if let Event::Delivered { receipt, .. } = &event {
                receipts.extend(*receipt);
            }
            rig.lines.push(line(&event));
        }
        while rig.client.poll_output().is_some() {}
    }
    rig.lines.clear();
    receipts
}

fn say(rig: &mut Rig, receipt: Receipt, reason: ReasonCode) {
    rig.client.acknowledge(rig.now, receipt, reason);
    rig.drain();
}

#[test]
fn nothing_is_acknowledged_before_the_application_says_so_and_all_in_order() {
    both(|version| {
        for (qos, ack) in [(QoS::AtLeastOnce, "PUBACK"), (QoS::ExactlyOnce, "PUBREC")] {
            let mut rig = Rig::online_with(version, by_hand(version), connack(false));
            let took = receive(&mut rig, (1..=3).map(|n| incoming("a", qos, n)));
            assert_eq!(took.len(), 3);
            assert_eq!(rig.client.unfinished(), 3);
            say(&mut rig, took[2], ReasonCode::SUCCESS);
            say(&mut rig, took[1], ReasonCode::SUCCESS);
            rig.expect(&[]);
            // [MQTT-4.6.0-2], [MQTT-4.6.0-3]
            say(&mut rig, took[0], ReasonCode::SUCCESS);
            rig.expect(
                &[1, 2, 3]
                    .map(|id| format!("> {ack} id {id}"))
                    .each_ref()
                    .map(String::as_str),
            );
            // Once is enough.
            say(&mut rig, took[0], ReasonCode::SUCCESS);
            rig.expect(&[]);
        }
    });
}

#[test]
fn qos_1_and_2_do_not_wait_for_each_other() {
    both(|version| {
        let mut rig = Rig::online_with(version, by_hand(version), connack(false));
        let messages = [
            incoming("a", QoS::AtLeastOnce, 1),
            incoming("a", QoS::ExactlyOnce, 2),
        ];
        let took = receive(&mut rig, messages);
        say(&mut rig, took[1], ReasonCode::SUCCESS);
        rig.expect(&["> PUBREC id 2"]);
        rig.feed(Packet::PubRel(Ack::success(id(2))));
        rig.expect(&["< PUBREL id 2", "> PUBCOMP id 2"]);
        assert_eq!(rig.client.unfinished(), 1);
    });
}

#[test]
fn a_message_can_be_refused_where_there_are_words_for_it() {
    both(|version| {
        let mut rig = Rig::online_with(version, by_hand(version), connack(false));
        let messages = [
            incoming("a", QoS::AtLeastOnce, 1),
            incoming("a", QoS::ExactlyOnce, 2),
        ];
        let took = receive(&mut rig, messages);
        // A client may not say that it was taken over.
        say(&mut rig, took[0], ReasonCode::SESSION_TAKEN_OVER);
        say(&mut rig, took[1], ReasonCode::QUOTA_EXCEEDED);
        match version {
            V5 => rig.expect(&["> PUBACK id 1 reason 0x80", "> PUBREC id 2 reason 0x97"]),
            V3 => rig.expect(&["> PUBACK id 1", "> PUBREC id 2"]),
        }
        // Its flow is over where it was refused, and the identifier is a new message.
        let again = receive(&mut rig, [incoming("a", QoS::ExactlyOnce, 2)]);
        assert_eq!(again.len(), usize::from(version == V5));
    });
}

#[test]
fn a_message_that_comes_again_before_it_is_taken_is_no_news() {
    both(|version| {
        let mut rig = Rig::online_with(version, by_hand(version), connack(false));
        let message = incoming("a", QoS::ExactlyOnce, 1);
        let took = receive(&mut rig, [message.clone(), message.clone()]);
        assert_eq!(took.len(), 1);
        say(&mut rig, took[0], ReasonCode::SUCCESS);
        // [MQTT-4.3.3-10]
        rig.expect(&["> PUBREC id 1", "> PUBREC id 1"]);
        assert_eq!(receive(&mut rig, [message]), []);
    });
}

#[test]
fn a_qos_2_message_outlives_the_connection_without_being_delivered_twice() {
    both(|version| {
        for taken_meanwhile in [false, true] {
            let mut rig = Rig::online_with(version, by_hand(version), connack(false));
            let message = incoming("a", QoS::ExactlyOnce, 1);
            let took = receive(&mut rig, [message.clone()]);
            rig.hang_up();
            if taken_meanwhile {
                say(&mut rig, took[0], ReasonCode::SUCCESS);
            }
            rig.connect(by_hand(version), connack(true));
            rig.out();
            let again = receive(
                &mut rig,
                [Publish {
                    dup: true,
                    ..message
                }],
            );
            assert_eq!(again, [], "taken meanwhile: {taken_meanwhile}");
            say(&mut rig, took[0], ReasonCode::SUCCESS);
            rig.feed(Packet::PubRel(Ack::success(id(1))));
            assert_eq!(rig.out().last().unwrap(), "> PUBCOMP id 1");
            assert_eq!(rig.client.unfinished(), 0);
        }
    });
}

#[test]
fn one_that_was_taken_behind_another_is_not_delivered_again_either() {
    both(|version| {
        let mut rig = Rig::online_with(version, by_hand(version), connack(false));
        let messages = [1, 2].map(|n| incoming("a", QoS::ExactlyOnce, n));
        let took = receive(&mut rig, messages.clone());
        // Its PUBREC has to wait for the first one's, and the connection is gone before that.
        say(&mut rig, took[1], ReasonCode::SUCCESS);
        rig.hang_up();
        rig.connect(by_hand(version), connack(true));
        rig.out();
        assert_eq!(receive(&mut rig, messages), []);
        say(&mut rig, took[0], ReasonCode::SUCCESS);
        rig.expect(&["> PUBREC id 1", "> PUBREC id 2"]);
    });
}

#[test]
fn a_qos_1_message_comes_again_and_the_old_receipt_does_nothing() {
    both(|version| {
        let mut rig = Rig::online_with(version, by_hand(version), connack(false));
        let message = incoming("a", QoS::AtLeastOnce, 1);
        let old = receive(&mut rig, [message.clone()]);
        rig.hang_up();
        rig.connect(by_hand(version), connack(true));
        rig.out();
        let new = receive(&mut rig, [message]);
        assert_eq!(new.len(), 1);
        assert_ne!(new, old);
        say(&mut rig, old[0], ReasonCode::SUCCESS);
        rig.expect(&[]);
        say(&mut rig, new[0], ReasonCode::SUCCESS);
        rig.expect(&["> PUBACK id 1"]);
    });
}

#[test]
fn a_session_that_is_gone_takes_its_receipts_along() {
    both(|version| {
        let mut rig = Rig::online_with(version, by_hand(version), connack(false));
        let message = incoming("a", QoS::ExactlyOnce, 1);
        let old = receive(&mut rig, [message.clone()]);
        rig.hang_up();
        rig.connect(by_hand(version), connack(false));
        rig.out();
        say(&mut rig, old[0], ReasonCode::SUCCESS);
        assert_eq!(rig.client.unfinished(), 0);
        assert_eq!(receive(&mut rig, [message]).len(), 1, "another message");
    });
}

#[test]
fn what_waits_for_the_application_counts_for_the_receive_maximum() {
    let options = ConnectOptions {
        receive_maximum: Some(2),
        ..by_hand(V5)
    };
    for take in [false, true] {
        let mut rig = Rig::online_with(V5, options.clone(), connack(false));
        let took = receive(
            &mut rig,
            (1..=2).map(|n| incoming("a", QoS::AtLeastOnce, n)),
        );
        if take {
            say(&mut rig, took[0], ReasonCode::SUCCESS);
        }
        receive(&mut rig, [incoming("a", QoS::AtLeastOnce, 3)]);
        // [MQTT-3.3.4-9], [X-5.0-flow-4]
        assert_eq!(rig.client.is_connected(), take);
    }
}
