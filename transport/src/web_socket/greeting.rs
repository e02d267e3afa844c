//! The handshake of WebSocket: a request of HTTP, and the answer.

use super::{WebSocket, config, served::Served};
use crate::Stream;
use std::{fmt, io};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::{
    accept_hdr_async_with_config, client_async_with_config,
    tungstenite::{
        ClientRequestBuilder, Error,
        error::{ProtocolError, SubProtocolError},
        handshake::server::{ErrorResponse, Request as Asked, Response},
        http::{
            HeaderValue, StatusCode, Uri,
            header::{CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL},
        },
    },
};

/// Where MQTT is, if nobody says another path. It says no more than that: what is spoken there knows nothing of it
/// [X-3.1.1-ws-1], [X-5.0-ws-1].
pub const WEB_SOCKET_PATH: &str = "/mqtt";
/// The name of the subprotocol.
const MQTT: &str = "mqtt";

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketRequest {
    /// The host and the port, as in an address.
    pub host: String,
    /// The path, with its `/`, and what follows it.
    pub path: String,
}

impl fmt::Display for WebSocketRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ws://{}{}", self.host, self.path)
    }
}

/// The client's side.
///
/// # Errors
/// What was wrong, in words, and what to do.
pub(crate) async fn connect<S: Stream>(
    stream: S,
    request: &WebSocketRequest,
) -> io::Result<WebSocket<S>> {
    let uri = request.to_string().parse::<Uri>();
    let uri = uri.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    // The client asks for this subprotocol [MQTT-6.0.0-3].
    let asked = ClientRequestBuilder::new(uri).with_sub_protocol(MQTT);
    match client_async_with_config(asked, stream, Some(config())).await {
        Ok((inner, _)) => Ok(WebSocket::new(inner)),
        Err(error) => Err(explained(error, &request.path)),
    }
}

/// Says in words why the server did not begin to speak WebSocket.
fn explained(error: Error, path: &str) -> io::Error {
    let text = match error {
        Error::Io(error) if !is_end(&error) => return error,
        Error::Http(answer) => {
            let status = answer.status();
            let help = match status {
                StatusCode::NOT_FOUND => {
                    "; is MQTT at another path? It stands after the port: ws://HOST:PORT/PATH"
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    "; something before the broker wants to know who asks"
                }
                s if s.is_redirection() => "; redirections are not followed: name the place itself",
                s if s.is_server_error() => "; its log may say why",
                _ => {
                    "; is something else there, and MQTT at another path? It stands after the port: ws://HOST:PORT/PATH"
                }
            };
            format!("the server answers {status} to the WebSocket request for {path}{help}")
        }
        // The name that the server chooses must be this one [MQTT-6.0.0-4].
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(why)) => match why {
            SubProtocolError::NoSubProtocol => {
                "the server speaks WebSocket, but does not say that it speaks MQTT there: its answer has no subprotocol `mqtt` [MQTT-6.0.0-4]; is it the right path?".to_owned()
            }
            _ => "the server chooses another WebSocket subprotocol than `mqtt`, the only one it was offered [MQTT-6.0.0-4]; is it the right path?"
                .to_owned(),
        },
        Error::Io(_) | Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            "the server ended the connection in the middle of the WebSocket handshake; does it speak WebSocket on this port?"
                .to_owned()
        }
        Error::Protocol(ProtocolError::HttparseError(_)) => {
            "what the server says is no HTTP; does it speak WebSocket on this port? An address without it begins with mqtt:// or mqtts://"
                .to_owned()
        }
        Error::Protocol(why) => format!(
            "what the server answers is no answer to a request for WebSocket ({why}); does something between us and the broker not know WebSocket?"
        ),
        other => format!("the WebSocket handshake failed: {other}; does the server's log say why?"),
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Whether the peer has ended the connection.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}

/// The server's side, at this path.
///
/// # Errors
/// What was wrong, in words; the client was told, if it is still there.
pub(crate) async fn accept<S: Stream>(mut stream: S, path: &str) -> io::Result<Served<S>> {
    #[expect(clippy::result_large_err, reason = "the library wants it so")]
    let answer = |asked: &Asked, answer: Response| answered(asked, answer, path);
    let shaken = accept_hdr_async_with_config(&mut stream, answer, Some(config())).await;
    let error = match shaken.map(drop) {
        // A client sends nothing before it has the answer, so nothing is lost here: one that does is refused.
        Ok(()) => return Ok(Served::new(stream)),
        Err(Error::Io(error)) => return Err(error),
        Err(error) => error,
    };
    let why = missed(&error);
    if !is_answered(&error) {
        let length = why.len() + 1;
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{why}\n"
        );
        // One that is gone has lost nothing.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Whether the client was told, or there is nobody to be told.
const fn is_answered(error: &Error) -> bool {
    matches!(
        error,
        Error::Http(_) | Error::Protocol(ProtocolError::HandshakeIncomplete)
    )
}

/// Says in words why a client did not begin to speak WebSocket.
fn missed(error: &Error) -> String {
    match error {
        Error::Http(answer) => {
            let body = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
            format!("the client was answered {}: {}", answer.status(), body.trim_end())
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            "the client ended the connection in the middle of the WebSocket handshake".to_owned()
        }
        Error::Protocol(ProtocolError::HttparseError(_)) => {
            "what the client says is no HTTP; its address of this port has to begin with ws:// or wss://".to_owned()
        }
        Error::Protocol(ProtocolError::JunkAfterRequest) => {
            "the client does not wait for the answer to its request for WebSocket".to_owned()
        }
        Error::Protocol(why) => format!("the client does not ask for WebSocket as RFC 6455 says: {why}"),
        other => format!("the WebSocket handshake failed: {other}"),
    }
}

#[expect(clippy::result_large_err, reason = "the library wants it so")]
fn answered(asked: &Asked, mut answer: Response, path: &str) -> Result<Response, ErrorResponse> {
    if asked.uri().path() != path {
        let text = format!("MQTT is at {path}\n");
        return Err(refusal(StatusCode::NOT_FOUND, text));
    }
    // A client has `mqtt` among those that it offers [MQTT-6.0.0-3].
    let offered = asked.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let words = offered.iter().filter_map(|value| value.to_str().ok());
    if !words.flat_map(|v| v.split(',')).any(|w| w.trim() == MQTT) {
        let text = "ask for the WebSocket subprotocol `mqtt` [MQTT-6.0.0-3]\n".to_owned();
        return Err(refusal(StatusCode::BAD_REQUEST, text));
    }
    // The name that the server chooses is this one [MQTT-6.0.0-4].
    let chosen = HeaderValue::from_static(MQTT);
    answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, chosen);
    Ok(answer)
}

fn refusal(status: StatusCode, text: String) -> ErrorResponse {
    let mut refusal = ErrorResponse::new(Some(text));
    *refusal.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    refusal.headers_mut().insert(CONTENT_TYPE, plain);
    refusal
}
