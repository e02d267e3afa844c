//! Somebody with a habit between a client's stream and a server's.

use super::{Memory, Out};
use bytes::{Buf, Bytes, BytesMut};
use squall_protocol::{Decoder, Packet, Role, Version};
use std::{cell::RefCell, collections::VecDeque, io, rc::Rc};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until},
};

/// Carries one connection of a client, until one of the ends is over. What cannot be read goes on as it is.
///
/// # Errors
/// When one of the streams can be read or written no more.
pub async fn relay(
    memory: Rc<RefCell<Memory>>,
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    memory.borrow_mut().begin();
    let (mut up, mut down) = (Decoder::new(Role::Client), Down::new(None));
    let (mut from_client, mut from_server) = (BytesMut::new(), BytesMut::new());
    let mut late: VecDeque<(Instant, Bytes)> = VecDeque::new();
    loop {
        let due = late.front().map(|(at, _)| *at);
        tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if let Some((_, bytes)) = late.pop_front() {
                    server.write_all(&bytes).await?;
                }
            }
            read = client.read_buf(&mut from_client) => {
                if read? == 0 {
                    for (_, bytes) in late {
                        server.write_all(&bytes).await?;
                    }
                    return server.shutdown().await;
                }
                let (out, farewell) = sent(&memory, &mut up, &mut from_client);
                if farewell {
                    // Nothing comes after DISCONNECT.
                    late.clear();
                }
                for Out { after, bytes } in out {
                    if after.is_zero() {
                        server.write_all(&bytes).await?;
                    } else {
                        let last = late.back().map(|(at, _)| *at);
                        let at = Instant::now() + after;
                        late.push_back((last.map_or(at, |last| last.max(at)), bytes));
                    }
                }
            }
            read = server.read_buf(&mut from_server) => {
                if read? == 0 {
                    return client.shutdown().await;
                }
                if let Some(version) = up.version() {
                    down.decoder.set_version(version);
                }
                let bytes = down.heard(&memory, &from_server.split());
                client.write_all(&bytes).await?;
            }
        }
    }
}

/// What goes out, and whether DISCONNECT is among it.
fn sent(memory: &RefCell<Memory>, up: &mut Decoder, bytes: &mut BytesMut) -> (Vec<Out>, bool) {
    let (mut out, mut farewell) = (Vec::new(), false);
    up.push(&bytes.split());
    while let Ok(Some(frame)) = up.next_frame() {
        farewell |= matches!(frame.packet, Packet::Disconnect(_));
        if let Some(version) = up.version() {
            out.extend(memory.borrow_mut().up(version, frame.packet));
        }
    }
    (out, farewell)
}

/// What is sent to the client, as far as it has come.
struct Down {
    decoder: Decoder,
    /// Bytes of the packet that is not whole yet.
    unread: BytesMut,
}

impl Down {
    fn new(version: Option<Version>) -> Self {
        let mut decoder = Decoder::new(Role::Server);
        if let Some(version) = version {
            decoder.set_version(version);
        }
        Self {
            decoder,
            unread: BytesMut::new(),
        }
    }

    /// What reaches the client of these bytes.
    fn heard(&mut self, memory: &RefCell<Memory>, bytes: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        self.decoder.push(bytes);
        self.unread.extend_from_slice(bytes);
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => {
                    self.unread.advance(frame.bytes.len());
                    if let Some(version) = self.decoder.version() {
                        out.extend_from_slice(&memory.borrow_mut().down(version, frame.packet));
                    }
                }
                Ok(None) => return out,
                Err(_) => {
                    if !memory.borrow().reads_on() {
                        out.extend_from_slice(&self.unread);
                    }
                    *self = Self::new(self.decoder.version());
                    return out;
                }
            }
        }
    }
}
