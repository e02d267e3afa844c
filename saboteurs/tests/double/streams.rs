//! The driver: a double over streams in paused time, and over a listener.

use squall_protocol::{Decoder, Packet, Role, Version, encode};
use squall_saboteurs::{double::Double, serve::Handle};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::{TcpListener, TcpStream},
    task::LocalSet,
    time::{Duration, Instant},
};

const CONNECT: &[u8] = b"\x10\x0D\0\x04MQTT\x04\x02\0\x02\0\x01a";

/// Reads packets of 3.1.1 until there are so many, or the stream ends.
async fn read(stream: &mut (impl AsyncRead + Unpin), count: usize) -> Vec<Packet> {
    let mut decoder = Decoder::new(Role::Server);
    decoder.set_version(Version::V3_1_1);
    let mut packets = Vec::new();
    while packets.len() < count {
        while let Some(packet) = decoder
            .next_packet()
            .expect("what the double sends is valid")
        {
            packets.push(packet);
        }
        if packets.len() < count
            && stream.read_buf(decoder.read_buf()).await.expect("it reads") == 0
        {
            break;
        }
    }
    packets
}

async fn greet(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(CONNECT).await.expect("it is served");
    assert!(matches!(read(stream, 1).await[..], [Packet::ConnAck(_)]));
}

fn dialled(handle: &Handle) -> DuplexStream {
    let (near, far) = tokio::io::duplex(4096);
    handle.connect(far);
    near
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_served_and_a_keep_alive_ends_it_in_paused_time() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let handle = Handle::new(Double::new([]));
            let mut stream = dialled(&handle);
            greet(&mut stream).await;
            let ping = encode(&Packet::PingReq, Version::V3_1_1).expect("it can be written");
            stream.write_all(&ping).await.expect("it is served");
            assert_eq!(read(&mut stream, 1).await, [Packet::PingResp]);
            let start = Instant::now();
            assert_eq!(read(&mut stream, 1).await, []);
            assert_eq!(start.elapsed(), Duration::from_secs(3));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn connections_share_one_double() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let handle = Handle::new(Double::new([]));
            let mut older = dialled(&handle);
            greet(&mut older).await;
            let mut newer = dialled(&handle);
            greet(&mut newer).await;
            // The older connection was taken over.
            assert_eq!(read(&mut older, 1).await, []);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_ends_every_connection() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let handle = Handle::new(Double::new([]));
            let mut stream = dialled(&handle);
            greet(&mut stream).await;
            drop(handle);
            assert_eq!(read(&mut stream, 1).await, []);
        })
        .await;
}

#[tokio::test]
async fn a_listener_is_served() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let handle = Handle::new(Double::new([]));
            let client = async {
                let mut stream = TcpStream::connect(address).await.expect("it listens");
                greet(&mut stream).await;
            };
            tokio::select! {
                biased;
                () = client => {}
                served = handle.serve(listener) => panic!("it stopped: {served:?}"),
            }
        })
        .await;
}
