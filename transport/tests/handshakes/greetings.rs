//! Handshakes of WebSocket that come to nothing: what each end is told. A message says what to do.

use crate::{
    dial,
    hand::{answer, head, port, request},
    listener,
};
use squall_transport::Accept;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MQTT: &str = "Sec-WebSocket-Protocol: mqtt\r\n";

/// What our client says when a server answers its request so.
async fn answered(answer: impl Fn(&str) -> String) -> String {
    let (listener, address) = port().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let asked = head(&mut socket).await;
        socket.write_all(answer(&asked).as_bytes()).await.unwrap();
    };
    let client = async {
        match dial(&address, None).await {
            Ok(_) => "good".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    tokio::join!(client, server).0
}

#[tokio::test]
async fn a_client_is_told_what_is_wrong_with_an_answer() {
    let mut lines = vec![format!(
        "all is well: {}",
        answered(|asked| answer(asked, MQTT)).await
    )];
    for (name, more) in [
        // The name that the server chooses must be this one [MQTT-6.0.0-4].
        ("no subprotocol", ""),
        (
            "another subprotocol",
            "Sec-WebSocket-Protocol: mqttv3.1\r\n",
        ),
    ] {
        lines.push(format!(
            "{name}: {}",
            answered(|asked| answer(asked, more)).await
        ));
    }
    let other = |asked: &str| answer(asked, MQTT).replace("Accept: ", "Accept: x");
    lines.push(format!(
        "an answer to somebody else: {}",
        answered(other).await
    ));
    for status in [
        "200 OK",
        "301 Moved Permanently\r\nLocation: wss://h/mqtt",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "426 Upgrade Required",
        "500 Internal Server Error",
        "503 Service Unavailable",
    ] {
        let said = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let name = status.lines().next().unwrap();
        lines.push(format!("{name}: {}", answered(|_| said.clone()).await));
    }
    for (name, said) in [
        ("a CONNACK", "\x20\x02\0\0"),
        ("nothing", ""),
        ("half of an answer", "HTTP/1.1 101 Switching"),
        ("something else", "220 mail.example ESMTP\r\n\r\n"),
    ] {
        lines.push(format!("{name}: {}", answered(|_| said.to_owned()).await));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// What our server says to a request: the first line of its answer and the body, and what its reader is told.
async fn asked(request: &str) -> String {
    let mut listener = listener().await.web_socket("/mqtt");
    let mut socket = TcpStream::connect(listener.address().unwrap())
        .await
        .unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut stream = listener.accept().await.unwrap();
    let came = match stream.read(&mut [0; 8]).await {
        Ok(count) => format!("{count} bytes"),
        Err(error) => error.to_string(),
    };
    drop(stream);
    let mut said = Vec::new();
    // Who sends what is not read may find the connection reset.
    let _ = socket.read_to_end(&mut said).await;
    let said = String::from_utf8(said).unwrap();
    let first = said.lines().next().unwrap_or("nothing");
    let body = said
        .split_once("\r\n\r\n")
        .map_or("", |(_, body)| body.trim_end());
    format!("{first} {body}\n  reader: {came}")
}

#[tokio::test]
async fn a_server_says_what_is_wrong_with_a_request() {
    let good = request("/mqtt", MQTT);
    let requests = [
        ("all is well", good.clone()),
        (
            "two lists of subprotocols",
            request(
                "/mqtt",
                "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c,mqtt\r\n",
            ),
        ),
        ("a query", request("/mqtt?a=b", MQTT)),
        ("another path", request("/", MQTT)),
        ("the path with more", request("/mqtt/", MQTT)),
        // A client has `mqtt` among those that it offers [MQTT-6.0.0-3].
        ("no subprotocol", request("/mqtt", "")),
        (
            "another subprotocol",
            request("/mqtt", "Sec-WebSocket-Protocol: mqttv3.1\r\n"),
        ),
        ("not GET", good.replace("GET", "POST")),
        ("HTTP/1.0", good.replace("HTTP/1.1", "HTTP/1.0")),
        ("no key", good.replace("Sec-WebSocket-Key", "X")),
        ("an old version", good.replace("Version: 13", "Version: 8")),
        (
            "a plain request",
            "GET /mqtt HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        ),
        ("a CONNECT", "\x10\x0C\0\x04MQTT\x04\x02\0\0\0\0".to_owned()),
        ("half of a request", good[..40].to_owned()),
        ("nothing", String::new()),
        ("bytes before the answer", format!("{good}\u{2}\0")),
        (
            "lines without end",
            request("/mqtt", &"X: y\r\n".repeat(500)),
        ),
    ];
    let mut lines = Vec::new();
    for (name, request) in requests {
        lines.push(format!("{name}: {}", asked(&request).await));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
