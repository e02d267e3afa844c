//! A wire between two streams.

use super::{Tamper, line::Line};
use bytes::BytesMut;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Carries a connection between a client's and a server's stream, and tampers, until the server's end or both.
///
/// What cannot be read as a packet goes on byte for byte, and so does whatever the client sends, at once, unless the
/// tamper is about that.
///
/// # Errors
/// When one of the streams can be read or written no more.
pub async fn relay(
    tamper: Tamper,
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut line = Line::new(tamper);
    let (mut from_client, mut from_server) = (BytesMut::new(), BytesMut::new());
    let mut client_ended = false;
    loop {
        tokio::select! {
            biased;
            read = client.read_buf(&mut from_client), if !client_ended => {
                if read? == 0 {
                    client_ended = true;
                    server.write_all(&line.client_ends()).await?;
                    server.shutdown().await?;
                    continue;
                }
                server.write_all(&line.up(&from_client.split())).await?;
            }
            read = server.read_buf(&mut from_server) => {
                if read? == 0 {
                    client.write_all(&line.server_ends()).await?;
                    return client.shutdown().await;
                }
                client.write_all(&line.down(&from_server.split())).await?;
            }
        }
    }
}
