//! WebSocket frames, as another library sends and gets them.

use crate::{dial, listener, serving};
use futures_util::{Sink, Stream as Messages};
use squall_transport::{Accept, BoxStream, Listener, Stream, WEB_SOCKET_PATH};
use std::{future::poll_fn, io, pin::Pin};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async, client_async,
    tungstenite::{
        ClientRequestBuilder, Message,
        protocol::{
            CloseFrame,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

type Socket = WebSocketStream<TcpStream>;

/// A client of another library.
async fn client(listener: &Listener) -> Socket {
    let address = listener.address().unwrap();
    let uri = format!("ws://{address}{WEB_SOCKET_PATH}").parse().unwrap();
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
    let stream = TcpStream::connect(address).await.unwrap();
    client_async(request, stream).await.unwrap().0
}

async fn send(socket: &mut Socket, message: Message) {
    poll_fn(|cx| Pin::new(&mut *socket).poll_ready(cx)).await.unwrap();
    Pin::new(&mut *socket).start_send(message).unwrap();
    poll_fn(|cx| Pin::new(&mut *socket).poll_flush(cx)).await.unwrap();
}

async fn next(socket: &mut Socket) -> Option<Message> {
    let next = poll_fn(|cx| Pin::new(&mut *socket).poll_next(cx)).await;
    next.map(Result::unwrap)
}

/// Both ends of a connection.
async fn pair() -> (Socket, BoxStream) {
    let mut listener = listener().await.web_socket(WEB_SOCKET_PATH);
    let accept = async {
        let mut stream = listener.accept().await.unwrap();
        // Reading is what brings the handshake to its end.
        let mut first = [0];
        stream.read_exact(&mut first).await.unwrap();
        stream
    };
    let dial = async {
        let address = listener_address(&listener_of(&listener));
        address
    };
    drop(dial);
    let _ = accept;
    unreachable!()
}
