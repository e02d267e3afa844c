//! WebSocket by hand, byte by byte, on a plain socket: what any library may send, and what none does.

use squall_transport::{Accept, BoxStream, Listener};
use std::net::Ipv4Addr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The last frame of a message has this bit.
pub(crate) const FIN: u8 = 0x80;
/// Kinds of frames (RFC 6455, section 5.2).
pub(crate) const MORE: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// The key that RFC 6455 has as its example, and the answer to it (section 1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// One end of a connection; a client's frames are masked, a server's are not.
pub(crate) struct Hand {
    pub(crate) socket: TcpStream,
    is_client: bool,
}

/// A request for this path, with these further lines.
pub(crate) fn request(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// Everything up to an empty line.
pub(crate) async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

impl Hand {
    /// A client, after its handshake.
    pub(crate) async fn client(mut socket: TcpStream) -> Self {
        let asked = request("/mqtt", "Sec-WebSocket-Protocol: other, mqtt\r\n");
        socket.write_all(asked.as_bytes()).await.unwrap();
        let answer = head(&mut socket).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        assert!(answer.contains(&format!("sec-websocket-accept: {ACCEPT}\r\n").to_lowercase()));
        assert!(
            answer.contains("sec-websocket-protocol: mqtt\r\n"),
            "{answer}"
        );
        Self {
            socket,
            is_client: true,
        }
    }

    /// A server, after its handshake, and what the client has asked.
    pub(crate) async fn server(listener: &TcpListener) -> (Self, String) {
        let (mut socket, _) = listener.accept().await.unwrap();
        let asked = head(&mut socket).await;
        let answer = answer(&asked, "Sec-WebSocket-Protocol: mqtt\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
        let hand = Self {
            socket,
            is_client: false,
        };
        (hand, asked)
    }

    pub(crate) async fn send(&mut self, kind: u8, payload: &[u8]) {
        let frame = self.frame(kind, payload);
        self.socket.write_all(&frame).await.unwrap();
    }

    /// A frame of this kind.
    pub(crate) fn frame(&self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let masked = if self.is_client { 0x80 } else { 0 };
        let mut frame = vec![kind];
        match payload.len() {
            n @ 0..=125 => frame.push(masked | n as u8),
            n @ 126..=0xFFFF => {
                frame.push(masked | 126);
                frame.extend((n as u16).to_be_bytes());
            }
            n => {
                frame.push(masked | 127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        let mask = [0x5A, 0xA5, 0x01, 0xFF];
        if self.is_client {
            frame.extend(mask);
        }
        let masked = payload.iter().zip(mask.iter().cycle());
        match self.is_client {
            true => frame.extend(masked.map(|(byte, mask)| byte ^ mask)),
            false => frame.extend(payload),
        }
        frame
    }

    /// The next frame, its first byte and its payload; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let kind = self.socket.read_u8().await.ok()?;
        let second = self.socket.read_u8().await.unwrap();
        // Who is a client masks what it sends, and nobody else does (RFC 6455, section 5.1).
        assert_eq!(second & 0x80 == 0, self.is_client);
        let length = match second & 0x7F {
            126 => usize::from(self.socket.read_u16().await.unwrap()),
            127 => self.socket.read_u64().await.unwrap() as usize,
            n => usize::from(n),
        };
        let mut mask = [0; 4];
        if !self.is_client {
            self.socket.read_exact(&mut mask).await.unwrap();
        }
        let mut payload = vec![0; length];
        self.socket.read_exact(&mut payload).await.unwrap();
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Some((kind, payload))
    }
}

/// What a server says to a request to begin, with these further lines.
pub(crate) fn answer(asked: &str, more: &str) -> String {
    let key = asked.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value)
    });
    let accept = derive_accept_key(key.unwrap().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    )
}

/// A free port of loopback, and its WebSocket address.
pub(crate) async fn port() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// Has a client by hand and our server speak with each other; gives what both came to.
pub(crate) async fn between<C, S>(
    client: impl FnOnce(Hand) -> C,
    server: impl FnOnce(BoxStream) -> S,
) -> (C::Output, S::Output)
where
    C: Future,
    S: Future,
{
    let mut listener: Listener = crate::listener().await.web_socket("/mqtt");
    let socket = TcpStream::connect(listener.address().unwrap())
        .await
        .unwrap();
    let stream = listener.accept().await.unwrap();
    tokio::join!(
        async { client(Hand::client(socket).await).await },
        server(stream)
    )
}
