use super::*;
use squall_protocol::{PacketType, decode_one, packet::Ack};

const NOW: Time = Time::ZERO;
const FIVE: Version = Version::V5_0;

fn send(client: &mut Scripted, bytes: &'static [u8]) {
    let script = Script::Send(Bytes::from_static(bytes), None);
    client.handle_command(NOW, Command::Script(script));
}

/// A client that has sent CONNECT.
fn dialled() -> Scripted {
    let mut client = Scripted::new();
    client.connect(&ConnectOptions::new(FIVE, "c"));
    client.handle_dialed(NOW);
    assert_eq!(client.poll_output(), Some(Output::Dial));
    assert!(matches!(client.poll_output(), Some(Output::Send(_))));
    assert_eq!(events(&mut client), ["> CONNECT"]);
    client
}

fn events(client: &mut Scripted) -> Vec<String> {
    let events = std::iter::from_fn(|| client.poll_event());
    events
        .map(|event| match event {
            Event::Sent(frame) => format!("> {}", frame.packet.packet_type()),
            Event::Received(frame) => format!("< {}", frame.packet.packet_type()),
            Event::SentRaw { bytes, broken } => format!("> {} bytes, {broken}", bytes.len()),
            Event::Delivered { message, .. } => format!("delivered {}", message.topic),
            Event::Ended { cause } => format!("ended {cause:?}"),
            Event::Acknowledged { ticket, reason } => format!("{ticket} {reason}"),
            other => format!("{other:?}"),
        })
        .collect()
}

/// What went out, packet by packet.
fn sent(client: &mut Scripted) -> Vec<PacketType> {
    let outputs = std::iter::from_fn(|| client.poll_output());
    outputs
        .filter_map(|output| match output {
            Output::Send(bytes) => decode_one(&bytes, Role::Client, Some(FIVE)).ok(),
            _ => None,
        })
        .map(|frame| frame.packet.packet_type())
        .collect()
}

fn hears(client: &mut Scripted, packet: &Packet) {
    client.handle_bytes(NOW, &encode(packet, FIVE).unwrap());
}

fn message(id: u16, qos: QoS) -> Packet {
    let mut publish = publish_of(&Message::new("t", "m", qos), FIVE);
    publish.packet_id = PacketId::new(id);
    Packet::Publish(publish)
}

#[test]
fn what_it_is_given_before_the_connection_is_there_goes_out_with_it() {
    let mut client = Scripted::new();
    client.handle_command(NOW, Command::Script(Script::Dial(FIVE)));
    send(&mut client, &[0xC0, 0x00]);
    assert_eq!(events(&mut client), Vec::<String>::new());
    client.handle_dialed(NOW);
    assert_eq!(client.poll_output(), Some(Output::Dial));
    assert!(matches!(client.poll_output(), Some(Output::Send(b)) if b[..] == [0xC0, 0x00]));
}

#[test]
fn halves_and_garbage_are_told_apart() {
    let mut client = dialled();
    let ping = Script::Send(Bytes::from_static(&[0xC0, 0x00]), Some(1));
    client.handle_command(NOW, Command::Script(ping));
    assert_eq!(events(&mut client), ["> 1 bytes, false"]);
    client.handle_command(NOW, Command::Script(Script::SendRest));
    assert_eq!(events(&mut client), ["> PINGREQ"]);
    client.handle_command(NOW, Command::Script(Script::SendRest));
    assert_eq!(events(&mut client), Vec::<String>::new());
    send(&mut client, &[0xC0, 0x00, 0xC0]);
    assert_eq!(events(&mut client), ["> PINGREQ", "> 3 bytes, false"]);
    // A PINGREQ with something in it.
    send(&mut client, &[0x01, 0x00]);
    assert_eq!(events(&mut client), ["> 2 bytes, true"]);
    send(&mut client, &[0xC0, 0x00]);
    assert_eq!(events(&mut client), ["> 2 bytes, true"]);
}

#[test]
fn it_answers_what_it_is_not_told_to_withhold() {
    let mut client = dialled();
    hears(&mut client, &message(1, QoS::AtLeastOnce));
    hears(&mut client, &message(2, QoS::ExactlyOnce));
    hears(&mut client, &message(2, QoS::ExactlyOnce));
    hears(
        &mut client,
        &Packet::PubRel(Ack::success(PacketId::new(2).unwrap())),
    );
    let all = sent(&mut client);
    use PacketType as P;
    assert_eq!(all, [P::PubAck, P::PubRec, P::PubRec, P::PubComp]);
    let told = events(&mut client);
    let delivered = told.iter().filter(|e| e.starts_with("delivered"));
    assert_eq!(delivered.count(), 2, "{told:?}");

    let withheld = Answers {
        withheld: [P::PubRec].into(),
        reason: ReasonCode::QUOTA_EXCEEDED,
    };
    client.handle_command(NOW, Command::Script(Script::Answer(withheld)));
    hears(&mut client, &message(3, QoS::ExactlyOnce));
    hears(&mut client, &message(4, QoS::AtLeastOnce));
    let Some(Output::Send(bytes)) = client.poll_output() else {
        panic!("nothing was sent");
    };
    let frame = decode_one(&bytes, Role::Client, Some(FIVE)).unwrap();
    let Packet::PubAck(ack) = frame.packet else {
        panic!("{:?}", frame.packet);
    };
    assert_eq!(ack.reason, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(client.poll_output(), None);
    client.handle_command(NOW, Command::Script(Script::Answer(Answers::none())));
    hears(&mut client, &message(5, QoS::AtLeastOnce));
    assert_eq!(sent(&mut client), Vec::<P>::new());
}

#[test]
fn what_it_leaves_unread_is_read_later() {
    let mut client = dialled();
    client.handle_command(NOW, Command::Script(Script::Read(false)));
    hears(&mut client, &message(1, QoS::AtLeastOnce));
    assert_eq!(events(&mut client), Vec::<String>::new());
    client.handle_command(NOW, Command::Script(Script::Read(true)));
    assert_eq!(
        events(&mut client),
        ["< PUBLISH", "delivered t", "> PUBACK"]
    );
}

#[test]
fn requests_have_outcomes_and_end_with_the_connection() {
    let mut client = dialled();
    let publish = |n, qos| Command::Publish(Ticket(n), Message::new("t", "m", qos));
    client.handle_command(NOW, publish(1, QoS::AtMostOnce));
    client.handle_command(NOW, publish(2, QoS::AtLeastOnce));
    client.handle_command(NOW, publish(3, QoS::ExactlyOnce));
    hears(
        &mut client,
        &Packet::PubAck(Ack::success(PacketId::new(1000).unwrap())),
    );
    client.handle_closed(NOW, Hangup::Eof);
    let told = events(&mut client);
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert!(
        told.contains(&"1 0x00") && told.contains(&"2 0x00"),
        "{told:?}"
    );
    assert!(told.last().unwrap().contains("Ticket(3)"), "{told:?}");
    client.handle_command(NOW, publish(4, QoS::AtMostOnce));
    assert!(events(&mut client)[0].contains("Abandoned"));
}
