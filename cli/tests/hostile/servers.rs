//! Servers that misbehave, a few lines each. They use blocking sockets: a thread a connection.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What a server does with a connection.
pub(crate) type Serve = fn(TcpStream);

/// A server that accepts connections until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn start(serve: Serve) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if until.load(Ordering::SeqCst) {
                    return;
                }
                thread::spawn(move || serve(stream));
            }
        });
        Self { address, over }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the listener; when it is gone already, that is as good.
        let _ = TcpStream::connect(self.address);
    }
}

const PINGRESP: &[u8] = &[0xD0, 0x00];

/// A PUBLISH of QoS 0 that takes so many bytes in all; valid in both versions.
fn publish(bytes: usize) -> Vec<u8> {
    let header = |remaining: usize| {
        let mut out = vec![0x30];
        let mut left = remaining;
        loop {
            out.push((left & 0x7F) as u8 | if left > 0x7F { 0x80 } else { 0 });
            left >>= 7;
            if left == 0 {
                return out;
            }
        }
    };
    let remaining = bytes - header(bytes).len();
    let mut packet = header(remaining);
    packet.extend([0x00, 0x01, b'a', 0x00]);
    packet.resize(bytes.max(packet.len()), b'x');
    packet
}

/// Reads one packet that is shorter than 16 KiB.
fn packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut all = vec![0; 2];
    stream.read_exact(&mut all).ok()?;
    let mut remaining = usize::from(all[1] & 0x7F);
    if all[1] > 0x7F {
        let mut more = [0];
        stream.read_exact(&mut more).ok()?;
        remaining |= usize::from(more[0]) << 7;
        all.extend(more);
    }
    let mut body = vec![0; remaining];
    stream.read_exact(&mut body).ok()?;
    all.extend(body);
    Some(all)
}

/// A CONNACK with code 0 in the version of this CONNECT.
fn connack(connect: &[u8]) -> &'static [u8] {
    match connect.get(8) {
        Some(5) => &[0x20, 0x03, 0x00, 0x00, 0x00],
        _ => &[0x20, 0x02, 0x00, 0x00],
    }
}

/// Many of them in one piece of about 64 KiB, or one that is longer.
fn many(packet: &[u8]) -> Vec<u8> {
    packet.repeat((65_536 / packet.len()).max(1))
}

fn flood(mut stream: TcpStream, packet: &[u8]) {
    let bytes = many(packet);
    while stream.write_all(&bytes).is_ok() {}
}

fn before_connack(stream: TcpStream, packet: &[u8]) {
    flood(stream, packet);
}

fn after_connack(mut stream: TcpStream, bytes: &[u8]) {
    if let Some(connect) = packet(&mut stream) {
        // In one piece, so that no answer to a later packet is expected between them.
        let first = [connack(&connect), &many(bytes)].concat();
        if stream.write_all(&first).is_ok() {
            flood(stream, bytes);
        }
    }
}

/// Answers CONNECT and PINGREQ as it should, and floods when it gets a DISCONNECT or anything else.
fn after_disconnect(mut stream: TcpStream, bytes: &[u8]) {
    while let Some(got) = packet(&mut stream) {
        let answer = match got[0] {
            0x10 => connack(&got),
            0xC0 => PINGRESP,
            _ => return flood(stream, bytes),
        };
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

fn swallow(mut stream: TcpStream) {
    let mut sink = [0; 4096];
    while stream.read(&mut sink).is_ok_and(|n| n > 0) {}
}

fn says(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.read(&mut [0; 512]);
    if stream.write_all(bytes).is_ok() {
        swallow(stream);
    }
}

macro_rules! floods {
    ($($name:ident: $when:ident $what:expr;)*) => {
        $(pub(crate) fn $name(stream: TcpStream) {
            $when(stream, &$what);
        })*
    };
}

floods! {
    tiny_before_connack: before_connack publish(6);
    kib_before_connack: before_connack publish(1024);
    mib_before_connack: before_connack publish(1 << 20);
    garbage_before_connack: before_connack [0xFF];
    pings_before_connack: before_connack PINGRESP;
    tiny_after_connack: after_connack publish(6);
    kib_after_connack: after_connack publish(1024);
    mib_after_connack: after_connack publish(1 << 20);
    garbage_after_connack: after_connack [0xFF];
    pings_after_connack: after_connack PINGRESP;
    tiny_after_disconnect: after_disconnect publish(6);
    kib_after_disconnect: after_disconnect publish(1024);
    mib_after_disconnect: after_disconnect publish(1 << 20);
    garbage_after_disconnect: after_disconnect [0xFF];
    pings_after_disconnect: after_disconnect PINGRESP;
}

/// A CONNACK of nothing but User Properties, again and again.
pub(crate) fn endless_connack(mut stream: TcpStream) {
    let property = [0x26, 0x00, 0x00, 0x00, 0x00].repeat(12_000);
    // 60,000 bytes of properties: their length and the Remaining Length take three bytes each.
    let mut packet = vec![0x20, 0xE5, 0xD4, 0x03, 0x00, 0x00, 0xE0, 0xD4, 0x03];
    packet.extend(property);
    while stream.write_all(&packet).is_ok() {}
}

/// Says CONNACK and reads nothing any more.
pub(crate) fn never_reads(mut stream: TcpStream) {
    if let Some(connect) = packet(&mut stream) {
        let _ = stream.write_all(connack(&connect));
        thread::sleep(Duration::from_secs(120));
    }
}

/// A correct CONNACK and then PINGRESP, each byte after a second: slower than any check waits.
pub(crate) fn one_byte_a_second(mut stream: TcpStream) {
    if let Some(connect) = packet(&mut stream) {
        for byte in connack(&connect).iter().chain(many(PINGRESP).iter()) {
            thread::sleep(Duration::from_secs(1));
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
        }
    }
}

/// Ends its own direction after CONNACK and goes on reading.
pub(crate) fn half_close(mut stream: TcpStream) {
    if let Some(connect) = packet(&mut stream) {
        let _ = stream.write_all(connack(&connect));
        let _ = stream.shutdown(Shutdown::Write);
        swallow(stream);
    }
}

/// Closes with the CONNECT unread, which resets the connection.
pub(crate) fn resets(stream: TcpStream) {
    thread::sleep(Duration::from_millis(20));
    drop(stream);
}

/// A PUBLISH of the longest Remaining Length there is, which goes on for ever.
pub(crate) fn longest_packet(mut stream: TcpStream) {
    if let Some(connect) = packet(&mut stream) {
        let start = [connack(&connect), &[0x30, 0xFF, 0xFF, 0xFF, 0x7F]].concat();
        if stream.write_all(&start).is_ok() {
            flood(stream, b"x");
        }
    }
}

pub(crate) fn closes_at_once(stream: TcpStream) {
    drop(stream);
}

pub(crate) fn mute(stream: TcpStream) {
    swallow(stream);
}

pub(crate) fn http(stream: TcpStream) {
    says(
        stream,
        b"HTTP/1.1 400 Bad Request\r\nServer: \x1B[31mred\r\n\r\n",
    );
}

pub(crate) fn tls(stream: TcpStream) {
    says(stream, &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);
}

/// Greets before it is spoken to, a byte at a time.
pub(crate) fn ssh(mut stream: TcpStream) {
    for byte in b"SSH-2.0-\x1B]0;Open\x07SSH_9.2\r\n" {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    swallow(stream);
}

pub(crate) fn echo(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut bytes) {
        if stream.write_all(&bytes[..n]).is_err() {
            return;
        }
    }
}

pub(crate) fn smtp(mut stream: TcpStream) {
    if stream.write_all(b"220 mail.example ESMTP\r\n").is_ok() {
        swallow(stream);
    }
}

pub(crate) fn redis(stream: TcpStream) {
    says(stream, b"-ERR unknown command\r\n");
}
