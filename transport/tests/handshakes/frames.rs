//! WebSocket frames, as others send and get them: what they carry, where they are cut, and which are refused.

use crate::{
    dial,
    hand::{BINARY, CLOSE, FIN, Hand, MORE, PING, PONG, TEXT, between, port},
};
use squall_transport::BoxStream;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A packet is many frames, and parts of them, in every place.
const PACKET: &[u8] = b"\x30\x0A\x00\x01tpayload";

/// Reads to the end, through a small buffer; how it ended is told, too.
async fn read_all(mut stream: BoxStream) -> (Vec<u8>, io::Result<()>) {
    let mut all = Vec::new();
    let mut buffer = [0; 7];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return (all, Ok(())),
            Ok(count) => all.extend(&buffer[..count]),
            Err(error) => return (all, Err(error)),
        }
    }
}

/// The code of a Close frame.
fn code(frame: Option<(u8, Vec<u8>)>) -> u16 {
    let (kind, payload) = frame.expect("a Close frame");
    assert_eq!(kind, FIN | CLOSE);
    u16::from_be_bytes([payload[0], payload[1]])
}

#[tokio::test]
async fn a_packet_may_come_in_many_frames() {
    let client = |mut hand: Hand| async move {
        // Each byte is a message of its own.
        for byte in PACKET {
            hand.send(FIN | BINARY, &[*byte]).await;
        }
        // Each byte is a frame of one message, with something else between them.
        for (n, byte) in PACKET.iter().enumerate() {
            let kind = if n == 0 { BINARY } else { MORE };
            hand.send(kind, &[*byte]).await;
            hand.send(FIN | PING, b"there?").await;
            assert_eq!(hand.next().await, Some((FIN | PONG, b"there?".to_vec())));
        }
        hand.send(FIN | MORE, b"").await;
        hand.send(FIN | CLOSE, &1000_u16.to_be_bytes()).await;
        assert_eq!(code(hand.next().await), 1000);
        assert_eq!(hand.next().await, None);
    };
    let ((), (all, end)) = between(client, read_all).await;
    end.unwrap();
    // A packet may come in many frames, and a frame may hold many packets [MQTT-6.0.0-2].
    assert_eq!(all, PACKET.repeat(2));
}

#[tokio::test]
async fn a_frame_may_hold_many_packets_and_nothing() {
    let client = |mut hand: Hand| async move {
        let many = PACKET.repeat(10_000);
        let (first, rest) = many.split_at(70_001);
        for part in [b"", first, b"", b"", rest] {
            hand.send(FIN | BINARY, part).await;
        }
        // It goes without a word: MQTT knows by itself where its packets end.
        drop(hand);
        many
    };
    let (many, (all, end)) = between(client, read_all).await;
    end.unwrap();
    assert!(all == many, "{} bytes came of {}", all.len(), many.len());
}

#[tokio::test]
async fn what_is_written_is_in_binary_frames() {
    let lengths = [1, 125, 126, 65_535, 65_536, 1_000_000];
    let client = |mut hand: Hand| async move {
        let mut all = Vec::new();
        loop {
            match hand.next().await.unwrap() {
                // In binary frames [MQTT-6.0.0-1].
                (kind, payload) if kind == FIN | BINARY => all.extend(payload),
                end => return (all, code(Some(end))),
            }
        }
    };
    let server = |stream: BoxStream| async move {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let write = async {
            for length in lengths {
                writer.write_all(&vec![0x55; length]).await.unwrap();
            }
            writer.flush().await.unwrap();
            writer.shutdown().await.unwrap();
        };
        // The handshake is done by who reads.
        let mut buffer = [0; 8];
        let (read, ()) = tokio::join!(reader.read(&mut buffer), write);
        assert_eq!(read.unwrap(), 0, "the client has gone");
    };
    let ((all, code), ()) = between(client, server).await;
    assert_eq!((all.len(), code), (lengths.iter().sum(), 1000));
    assert!(all.iter().all(|byte| *byte == 0x55));
}

/// What a peer sends that none should, by its name, and the code of the Close frame that it gets.
const WRONG: [(&str, u8, u16); 5] = [
    ("text", FIN | TEXT, 1003),
    ("a kind of frame that is reserved", FIN | 0x3, 1002),
    ("a bit that is reserved", FIN | 0x40 | BINARY, 1002),
    ("the rest of a message that never began", FIN | MORE, 1002),
    ("half of a ping", PING, 1002),
];

#[tokio::test]
async fn frames_that_are_wrong_end_the_connection_at_either_end() {
    let mut told = Vec::new();
    for (name, kind, expected) in WRONG {
        let client = |mut hand: Hand| async move {
            hand.send(FIN | BINARY, b"x").await;
            hand.send(kind, b"abc").await;
            let code = code(hand.next().await);
            (code, hand.next().await)
        };
        let ((code, end), (all, error)) = between(client, read_all).await;
        assert_eq!((&*all, code, end), (&b"x"[..], expected, None), "{name}");
        told.push(format!("to a server, {name}: {}", error.unwrap_err()));
    }
    for (name, kind, expected) in WRONG {
        let (listener, address) = port().await;
        let server = async {
            let (mut hand, _) = Hand::server(&listener).await;
            hand.send(FIN | BINARY, b"x").await;
            hand.send(kind, b"abc").await;
            code(hand.next().await)
        };
        let client = async { read_all(dial(&address, None).await.unwrap()).await };
        let (code, (all, error)) = tokio::join!(server, client);
        assert_eq!((&*all, code), (&b"x"[..], expected), "{name}");
        told.push(format!("to a client, {name}: {}", error.unwrap_err()));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_client_that_does_not_mask_and_a_server_that_does_are_refused() {
    // Without a mask, and with one (RFC 6455, section 5.1).
    let client = |mut hand: Hand| async move {
        hand.socket
            .write_all(&[FIN | BINARY, 1, b'x'])
            .await
            .unwrap();
        code(hand.next().await)
    };
    let (code_of_server, (all, error)) = between(client, read_all).await;
    assert_eq!((&*all, code_of_server), (&b""[..], 1002));
    assert!(error.unwrap_err().to_string().contains("mask"));
    let (listener, address) = port().await;
    let server = async {
        let (mut hand, _) = Hand::server(&listener).await;
        let masked = [FIN | BINARY, 0x81, 0, 0, 0, 0, b'x'];
        hand.socket.write_all(&masked).await.unwrap();
        code(hand.next().await)
    };
    let client = async { read_all(dial(&address, None).await.unwrap()).await };
    let (code_of_client, (all, error)) = tokio::join!(server, client);
    assert_eq!((&*all, code_of_client), (&b""[..], 1002));
    assert!(error.unwrap_err().to_string().contains("mask"));
}

#[tokio::test]
async fn a_server_takes_a_frame_of_any_length_as_it_comes() {
    let client = |mut hand: Hand| async move {
        // The longest frame that there is; nothing of it is waited for.
        let head = [
            FIN | BINARY,
            0xFF,
            0x7F,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            0,
            0,
            0,
            0,
        ];
        hand.socket.write_all(&head).await.unwrap();
        for _ in 0..100 {
            hand.socket.write_all(PACKET).await.unwrap();
            assert_eq!(hand.next().await, Some((FIN | BINARY, b"!".to_vec())));
        }
    };
    let server = |mut stream: BoxStream| async move {
        let mut packet = [0; PACKET.len()];
        for _ in 0..100 {
            stream.read_exact(&mut packet).await.unwrap();
            assert_eq!(packet, PACKET);
            stream.write_all(b"!").await.unwrap();
            stream.flush().await.unwrap();
        }
    };
    between(client, server).await;
}

#[tokio::test]
async fn a_client_refuses_a_frame_that_is_too_long_before_it_comes() {
    for head in [
        &[
            FIN | BINARY,
            0x7F,
            0x7F,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
        ][..],
        // One byte more than 32 MiB.
        &[FIN | BINARY, 0x7F, 0, 0, 0, 0, 2, 0, 0, 1],
    ] {
        let (listener, address) = port().await;
        let server = async {
            let (mut hand, _) = Hand::server(&listener).await;
            hand.socket.write_all(head).await.unwrap();
            code(hand.next().await)
        };
        let client = async { read_all(dial(&address, None).await.unwrap()).await };
        let (code, (_, error)) = tokio::join!(server, client);
        let error = error.unwrap_err().to_string();
        assert!(code == 1009 && error.contains("32 MiB"), "{code}: {error}");
    }
}

#[tokio::test]
async fn a_peer_that_vanishes_in_the_middle_of_a_frame_has_gone() {
    let half = |mut hand: Hand| async move {
        hand.send(FIN | BINARY, b"x").await;
        let frame = hand.frame(FIN | BINARY, PACKET);
        hand.socket.write_all(&frame[..9]).await.unwrap();
        hand
    };
    let ((), (all, end)) = between(|hand| async move { drop(half(hand).await) }, read_all).await;
    assert_eq!(all, b"x\x30\x0A\x00", "what has come is not held back");
    end.unwrap();
    let reset = |hand| async move {
        let hand = half(hand).await;
        hand.socket.set_zero_linger().unwrap();
    };
    let ((), (_, end)) = between(reset, read_all).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_client_asks_for_mqtt_at_the_path_of_the_address() {
    let (listener, address) = port().await;
    let address = format!("{address}/a/b%20c?d=e");
    let server = async {
        let (mut hand, asked) = Hand::server(&listener).await;
        assert_eq!(hand.next().await, Some((FIN | BINARY, b"x".to_vec())));
        asked
    };
    let client = async {
        let mut stream = dial(&address, None).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        stream.flush().await.unwrap();
        stream
    };
    let (asked, _stream) = tokio::join!(server, client);
    assert!(
        asked.starts_with("GET /a/b%20c?d=e HTTP/1.1\r\n"),
        "{asked}"
    );
    // The client asks for this subprotocol [MQTT-6.0.0-3].
    let asked = asked.to_lowercase();
    assert!(
        asked.contains("\r\nsec-websocket-protocol: mqtt\r\n"),
        "{asked}"
    );
    let host = format!("\r\nhost: {}\r\n", listener.local_addr().unwrap());
    assert!(asked.contains(&host), "{asked}");
}
