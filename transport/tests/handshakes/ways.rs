//! What comes through, who is there, and how it ends.

use crate::{dial, listener, pki::Pki, serving};
use squall_transport::{
    Accept, Address, BoxStream, ClientTls, Endpoint, Listener, Listeners, Stream, WEB_SOCKET_PATH,
};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Says who is there once something has come, gives it back, and ends with the client.
async fn echo(mut stream: BoxStream) {
    let mut buffer = vec![0; 64 << 10];
    let mut first = true;
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if first {
            let peer = stream.peer();
            let certificate = peer.certificate.as_deref().unwrap_or("nobody");
            let line = format!("{} {} {certificate}\n", peer.local, peer.encrypted);
            stream.write_all(line.as_bytes()).await.unwrap();
            first = false;
        }
        if stream.write_all(&buffer[..count]).await.is_err() || stream.flush().await.is_err() {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

/// Sends `bytes`, reads them back after the line about the peer, which it gives, and ends in order.
async fn exchange(mut stream: BoxStream, bytes: &[u8]) -> String {
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    let write = async {
        writer.write_all(bytes).await.unwrap();
        writer.flush().await.unwrap();
    };
    let read = async {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            line.push(reader.read_u8().await.unwrap());
        }
        let mut back = vec![0; bytes.len()];
        reader.read_exact(&mut back).await.unwrap();
        assert!(back == bytes, "the bytes came back otherwise");
        line
    };
    let ((), line) = tokio::join!(write, read);
    stream.shutdown().await.unwrap();
    assert_eq!(
        stream.read(&mut [0; 8]).await.unwrap(),
        0,
        "it ends in order"
    );
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

#[tokio::test]
async fn every_way_carries_bytes_both_ways_and_ends_in_order() {
    let pki = Pki::new();
    let tls = pki.server(false);
    let listeners = vec![
        listener().await,
        listener().await.tls(tls.clone()),
        listener().await.web_socket(WEB_SOCKET_PATH),
        listener().await.web_socket(WEB_SOCKET_PATH).tls(tls),
        Listener::unix(&pki.path("s.sock")).await.unwrap(),
    ];
    let addresses: Vec<String> = listeners.iter().map(ToString::to_string).collect();
    let client = pki.client();
    // Far more than any buffer holds, so that both ends have to wait.
    let much: Vec<u8> = (0..4_000_000_u32).map(|n| (n * 7 / 3) as u8).collect();
    serving(listeners, echo, async {
        for address in &addresses {
            let encrypted = address.starts_with("mqtts:") || address.starts_with("wss:");
            for bytes in [&b"x"[..], &much] {
                let stream = dial(address, Some(&client)).await.unwrap();
                let peer = exchange(stream, bytes).await;
                assert_eq!(peer, format!("true {encrypted} nobody"), "{address}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_is_known_by_its_certificate() {
    let pki = Pki::new();
    let strict = pki.server(true);
    let listeners = vec![
        listener().await.tls(strict.clone()),
        listener().await.web_socket(WEB_SOCKET_PATH).tls(strict),
    ];
    let addresses: Vec<String> = listeners.iter().map(ToString::to_string).collect();
    pki.certify("lock 1", Some("lock.example"), |_| {});
    let client = ClientTls::new(&pki.showing("lock 1")).unwrap();
    serving(listeners, echo, async {
        for address in &addresses {
            let stream = dial(address, Some(&client)).await.unwrap();
            assert_eq!(
                exchange(stream, b"x").await,
                "true true lock 1",
                "{address}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn only_a_listener_on_loopback_is_local() {
    let everywhere = Listener::tcp("0.0.0.0:0".parse().unwrap()).await.unwrap();
    let port = everywhere.address().unwrap().port();
    serving(vec![everywhere], echo, async {
        let stream = dial(&format!("mqtt://127.0.0.1:{port}"), None)
            .await
            .unwrap();
        assert_eq!(exchange(stream, b"x").await, "false false nobody");
    })
    .await;
}

/// Resets when something comes.
async fn reset(mut stream: BoxStream) {
    let _ = stream.read(&mut [0; 8]).await;
    stream.reset();
}

#[tokio::test]
async fn a_reset_goes_through_every_layer() {
    let pki = Pki::new();
    let tls = pki.server(false);
    let listeners = vec![
        listener().await,
        listener().await.tls(tls.clone()),
        listener().await.web_socket(WEB_SOCKET_PATH),
        listener().await.web_socket(WEB_SOCKET_PATH).tls(tls),
    ];
    let addresses: Vec<String> = listeners.iter().map(ToString::to_string).collect();
    let client = pki.client();
    serving(listeners, reset, async {
        for address in &addresses {
            let mut stream = dial(address, Some(&client)).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.flush().await.unwrap();
            let error = stream.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{address}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_reset_in_its_handshake_is_reset() {
    let pki = Pki::new();
    let mut listener = listener().await.tls(pki.server(false));
    let mut client = TcpStream::connect(listener.address().unwrap())
        .await
        .unwrap();
    let mut stream = listener.accept().await.unwrap();
    // The handshake has begun, and waits for the client.
    assert!(
        timeout(Duration::from_millis(20), stream.read(&mut [0; 8]))
            .await
            .is_err()
    );
    stream.reset();
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_handshake_that_is_given_up_is_over_for_the_reader() {
    let mut listener = listener().await.web_socket(WEB_SOCKET_PATH);
    let mut client = TcpStream::connect(listener.address().unwrap())
        .await
        .unwrap();
    let stream = listener.accept().await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = [0; 8];
    let read = reader.read(&mut buffer);
    let give_up = async {
        tokio::task::yield_now().await;
        writer.shutdown().await
    };
    let (read, given_up) = tokio::join!(read, give_up);
    given_up.unwrap();
    assert_eq!(read.unwrap(), 0);
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_unix_socket_that_was_left_is_replaced_and_one_in_use_is_not() {
    let pki = Pki::new();
    let path = pki.path("s.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let first = Listener::unix(&path).await.unwrap();
    let error = Listener::unix(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(first);
    assert!(!path.exists());
    // A file is nobody's socket.
    std::fs::write(&path, "precious").unwrap();
    assert!(Listener::unix(&path).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_unix_socket_without_room_is_waited_for() {
    let pki = Pki::new();
    let path = pki.path("s.sock");
    // It queues 1024 at most.
    let mut listeners = Listeners::new(vec![Listener::unix(&path).await.unwrap()]);
    let address = Address::parse(&format!("unix:{}", path.display())).unwrap();
    let endpoint: Endpoint = address.resolve(None).await.unwrap().remove(0);
    let mut waiting = Vec::new();
    let last = loop {
        let mut dialling = Box::pin(async { endpoint.dial().await });
        match timeout(Duration::from_millis(100), &mut dialling).await {
            Ok(stream) => waiting.push(stream.unwrap()),
            Err(_) => break dialling,
        }
        assert!(waiting.len() < 100_000);
    };
    listeners.accept().await.unwrap();
    timeout(Duration::from_secs(10), last)
        .await
        .unwrap()
        .unwrap();
}
